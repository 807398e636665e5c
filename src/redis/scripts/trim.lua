#!lua flags=allow-oom
-- Trims from the front of events and feed what nobody needs any more: a part of it, so that Redis is
-- never blocked for long, also when memory is full, which is when it matters most.
--
-- What guards it is read here: an event is trimmed when it is both before the checkpoint and older
-- than the retention, whatever the asker knew. None is where nothing shows that the checkpoint is of
-- this stream: events before one that is ahead of it, or was, may not have been applied. The checkpoint's own entry stays, and so does its
-- change: they show that nothing else has trimmed up to there.
--
-- KEYS[1] projector hash   KEYS[2] lease   KEYS[3] events   KEYS[4] updates
-- ARGV[1] who asks   ARGV[2] layout version
-- ARGV[3] entries to trim of each at most, unless a node has more
-- ARGV[4] changes to keep in the feed
-- ARGV[5] milliseconds that an event is kept, '' for ever   ARGV[6] the asker's clock, ms since 1970
--
-- Returns events trimmed, changes trimmed, and 1 if there may be more to trim. Nil unless the asker
-- holds the lease and something was applied in its layout.

local function stored(field)
  return redis.call('HGET', KEYS[1], field) or ''
end

local checkpoint = stored('checkpoint')
local checkpoint_ms = checkpoint:match('^(%d+)%-%d+$')
if redis.call('GET', KEYS[2]) ~= ARGV[1] or stored('layout') ~= ARGV[2] or not checkpoint_ms then
  return nil
end

-- Whole nodes, and never more than the limit, which is at most what is over the length to keep.
local changes = 0
local most, excess = tonumber(ARGV[3]), redis.call('XLEN', KEYS[4]) - ARGV[4]
local function trim_changes(limit)
  return redis.call('XTRIM', KEYS[4], 'MINID', '~', checkpoint, 'LIMIT', limit)
end
if excess > 0 then
  changes = trim_changes(math.min(excess, most))
end
if changes == 0 and excess > most then
  -- This Redis was told to make nodes that are larger than a step.
  changes = trim_changes(excess)
end
local is_ahead = stored('checkpointAhead') == checkpoint
  or #redis.call('XRANGE', KEYS[3], checkpoint, '+', 'COUNT', 1) == 0
if ARGV[5] == '' or is_ahead then
  return { 0, changes, changes > 0 and 1 or 0 }
end

-- By the earlier of two clocks, so that one that is ahead trims nothing that is young.
local time = redis.call('TIME')
local now = math.min(time[1] * 1000 + math.floor(time[2] / 1000), tonumber(ARGV[6]))
local expired = string.format('%.0f', math.max(0, now - ARGV[5]))
-- Decimals without leading zeros compare by length first: ids have 64 bits, numbers here 53.
local is_before = #expired < #checkpoint_ms
  or (#expired == #checkpoint_ms and expired <= checkpoint_ms)
local minid = is_before and expired .. '-0' or checkpoint

local events = redis.call('XTRIM', KEYS[3], 'MINID', '~', minid, 'LIMIT', most)
local is_more = events > 0 or changes > 0
if events == 0 then
  -- What is left is a part of one node.
  events = redis.call('XTRIM', KEYS[3], 'MINID', '=', minid)
end
if events > 0 then
  local left = redis.call('XRANGE', KEYS[3], '-', '(' .. minid, 'COUNT', 1)[1]
  -- Not by HINCRBY, which fails where it finds no number.
  local total = string.format('%.0f', (tonumber(stored('eventsTrimmed')) or 0) + events)
  redis.call('HSET', KEYS[1], 'eventsTrimmed', total, 'trimmedTo', left and left[1] or minid)
end
return { events, changes, is_more and 1 or 0 }
