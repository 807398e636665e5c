#!lua flags=allow-oom
-- Accounts for every entry that the events ever had: it is there, or the projector trimmed it, or
-- something else removed it. Of the latter it tells how many no commit had read.
--
--   added = there + trimmed + removed        added = read + waiting + lost
--
-- A stream counts what was added to it, and commits count what they read. How many entries wait
-- cannot be asked, but for two cases: none does, or all that are there do. In between `lost` stays as
-- it was: it is found later, when the projector has caught up. So it does while the checkpoint is ahead
-- of the stream: then all may wait. Where newer events have passed it, those that were skipped are lost.
--
-- The account outlives the stream: where fewer entries were added than there had been, or fewer
-- removed, it was deleted and begun anew, and the counts of the old one go on. (Not seen where by the
-- next call as many were added again.) `removedTo` is the checkpoint at which it was last found that
-- something else removed events: of those up to there, nobody can say that all are there.
--
-- KEYS[1] projector hash   KEYS[2] lease   KEYS[3] events
-- ARGV[1] who asks   ARGV[2] layout version
--
-- Returns removed, lost, both as they were at the call before, 1 if the stream was begun anew since,
-- and the highest id that XDEL has removed. Nil unless the asker holds the lease, and in a read model
-- of another layout.

local function stored(field)
  return redis.call('HGET', KEYS[1], field) or ''
end
local function count(field)
  return tonumber(stored(field)) or 0
end

local layout = stored('layout')
if redis.call('GET', KEYS[2]) ~= ARGV[1] or (layout ~= '' and layout ~= ARGV[2]) then
  return nil
end

local info = { ['entries-added'] = 0, length = 0, ['max-deleted-entry-id'] = '0-0' }
if redis.call('EXISTS', KEYS[3]) == 1 then
  local reply = redis.call('XINFO', 'STREAM', KEYS[3])
  for i = 1, #reply, 2 do
    info[reply[i]] = reply[i + 1]
  end
end
local added, there, trimmed = info['entries-added'], info.length, count('eventsTrimmed')

-- `seen` were added to this stream when it was looked at last, `before` to those before it.
local account = stored('eventsAccount')
local seen, before, removed, lost = account:match('^(%d+) (%d+) (%-?%d+) (%-?%d+)$')
seen, before = tonumber(seen) or 0, tonumber(before) or 0
removed, lost = tonumber(removed) or 0, tonumber(lost) or 0

local is_anew = added < seen or before + added - there - trimmed < removed
if is_anew then
  before = before + seen
end
local total = before + added

local checkpoint = stored('checkpoint')
-- Decimals without leading zeros compare by length first: ids have 64 bits, numbers here 53.
local function is_less(a, b)
  return #a < #b or (#a == #b and a < b)
end
local function is_ahead()
  local ms, seq = checkpoint:match('^(%d+)%-(%d+)$')
  local given_ms, given_seq = (info['last-generated-id'] or checkpoint):match('^(%d+)%-(%d+)$')
  return ms and (is_less(given_ms, ms) or (given_ms == ms and is_less(given_seq, seq)))
end

local waiting
if checkpoint ~= '' and is_ahead() then
  waiting = nil
elseif checkpoint == '' or #redis.call('XRANGE', KEYS[3], '-', checkpoint, 'COUNT', 1) == 0 then
  waiting = there
elseif #redis.call('XRANGE', KEYS[3], '(' .. checkpoint, '+', 'COUNT', 1) == 0 then
  waiting = 0
end
local now_removed = total - there - trimmed
local now_lost = waiting and total - count('entriesRead') - waiting or lost

local now = string.format('%.0f %.0f %.0f %.0f', added, before, now_removed, now_lost)
if now_removed > removed and checkpoint ~= '' then
  redis.call('HSET', KEYS[1], 'removedTo', checkpoint)
end
if now ~= account and total > 0 then
  redis.call('HSET', KEYS[1], 'eventsAccount', now)
end
return { now_removed, now_lost, removed, lost, is_anew and 1 or 0, info['max-deleted-entry-id'] }
