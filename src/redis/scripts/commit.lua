#!lua
-- Applies one batch of the projector, whole or not at all. (ARCHITECTURE.md, invariants 1 and 2)
--
-- Without further flags Redis refuses the script before its first line when memory is full or the
-- node is a replica. Within it nothing undoes a write, so what can fail comes before the first one:
-- keys of another type, and an XADD whose id is not above the feed's last one, which is that write.
--
-- KEYS[1] projector hash   KEYS[2] events   KEYS[3] updates   KEYS[4] quarantine
-- KEYS[5..] rows, then ordered sets; both named by their place in KEYS
-- ARGV[1] checkpoint that the batch started from, '' for none
-- ARGV[2] epoch that the batch started from, '' for none
-- ARGV[3] new checkpoint   ARGV[4] entries in the batch
-- ARGV[5] layout version   ARGV[6] program version, kept where there was no layout
-- ARGV[7] place in KEYS of the first ordered set
-- ARGV[8] '' where all rows were read after the checkpoint; where some are remembered from before, what
--   `mends` was at that time, 0 for none
-- ARGV[9] as JSON, since each argument of its own costs more than its text:
--   [[row, lastEventId, whole, [field, value, ...]], ...]  lastEventId of the row that is remembered: '' for
--     none, '*' for whatever is there; whole 1: it replaces what is there, 0: only what differs from it
--   [[ordered set, [score, member, ...]], ...]      puts
--   [[ordered set, [member, ...]], ...]             removals
-- ARGV[10..] two lists, each with its length first:
--   changes      id, item, previous ('' for none)
--   quarantined  source id, reason, field, detail
--
-- Beside the checkpoint it keeps what shows that the feed lost changes: the last one that was written,
-- and how many were (of those that earlier versions wrote, only what is left counts).
--
-- Returns 1 when committed; 0 when checkpoint or epoch are others, when a repair has mended rows since
-- those that are remembered were read, and when one of these is another now: reload, and read again. An
-- error when the read model has another layout, when a key holds what it should not, when the checkpoint was
-- found ahead of the events, and when the last event of the batch is not here: it was read from a node
-- that is not this one, or deleted since.

local function stored(field)
  return redis.call('HGET', KEYS[1], field) or ''
end

if stored('checkpoint') ~= ARGV[1] or stored('epoch') ~= ARGV[2] then
  return 0
end

local layout = stored('layout')
if layout ~= '' and layout ~= ARGV[5] then
  return redis.error_reply('OTHERLAYOUT ' .. KEYS[1] .. ' has layout ' .. layout)
end

local ahead = stored('checkpointAhead')
if ahead ~= '' and ahead == ARGV[1] then
  return redis.error_reply('CHECKPOINTAHEAD ' .. ahead .. ' was found ahead of ' .. KEYS[2])
end

if #redis.call('XRANGE', KEYS[2], ARGV[3], ARGV[3]) == 0 then
  return redis.error_reply('EVENTGONE ' .. ARGV[3] .. ' is not in ' .. KEYS[2])
end

local function wrong_type(key, expected)
  local found = redis.call('TYPE', key).ok
  if found ~= expected and found ~= 'none' then
    return redis.error_reply('WRONGTYPE ' .. key .. ' is a ' .. found .. ', not a ' .. expected)
  end
end

local mends = stored('mends')
if ARGV[8] ~= '' and ARGV[8] ~= (mends ~= '' and mends or '0') then
  return 0
end
local batch = cjson.decode(ARGV[9])
local rows, puts, removals = batch[1], batch[2], batch[3]
for _, row in ipairs(rows) do
  if row[2] ~= '*' and (redis.pcall('HGET', KEYS[row[1]], 'lastEventId') or '') ~= row[2] then
    return 0
  end
end

local wrong = wrong_type(KEYS[3], 'stream') or wrong_type(KEYS[4], 'stream')
for i = tonumber(ARGV[7]), #KEYS do
  wrong = wrong or wrong_type(KEYS[i], 'zset')
end
if wrong then
  return wrong
end

local place = 10
local function take()
  place = place + 1
  return ARGV[place - 1]
end

local written = tonumber(stored('changesWritten')) or redis.call('XLEN', KEYS[3])
local changes = tonumber(take())
local last_change
for _ = 1, changes do
  last_change = ARGV[place]
  local item, previous = ARGV[place + 1], ARGV[place + 2]
  place = place + 3
  if previous == '' then
    redis.call('XADD', KEYS[3], last_change, 'item', item)
  else
    redis.call('XADD', KEYS[3], last_change, 'item', item, 'previous', previous)
  end
end

-- An entry of more pairs than unpack can take is kept as one JSON array.
local MOST_UNPACKED = 7000
for _ = 1, tonumber(take()) do
  local id = take()
  local found = redis.call('XRANGE', KEYS[2], id, id)[1]
  local pairs = found and found[2] or {}
  if #pairs > MOST_UNPACKED then
    pairs = { 'entry', cjson.encode(pairs) }
  end
  for _, field in ipairs({ 'reason', 'field', 'detail' }) do
    pairs[#pairs + 1] = field
    pairs[#pairs + 1] = take()
  end
  pairs[#pairs + 1] = 'sourceId'
  pairs[#pairs + 1] = id
  redis.call('XADD', KEYS[4], '*', unpack(pairs))
end

for _, row in ipairs(rows) do
  local key = KEYS[row[1]]
  if row[3] == 1 then
    redis.call('DEL', key)
  end
  redis.call('HSET', key, unpack(row[4]))
end

-- One call for each set: a batch has at most 1,000 entries, so that unpack can take it.
for _, put in ipairs(puts) do
  redis.call('ZADD', KEYS[put[1]], unpack(put[2]))
end
for _, removal in ipairs(removals) do
  redis.call('ZREM', KEYS[removal[1]], unpack(removal[2]))
end

if layout == '' then
  redis.call('HSET', KEYS[1], 'layout', ARGV[5], 'program', ARGV[6])
end
if last_change then
  local total = string.format('%d', written + changes)
  redis.call('HSET', KEYS[1], 'lastChange', last_change, 'changesWritten', total)
end
if ahead ~= '' then
  -- Of a checkpoint that was mended since.
  redis.call('HSET', KEYS[1], 'checkpointAhead', '')
end
-- Not by HINCRBY, which fails where it finds no number.
local read = string.format('%d', (tonumber(stored('entriesRead')) or 0) + ARGV[4])
redis.call('HSET', KEYS[1], 'checkpoint', ARGV[3], 'entriesRead', read)
return 1
