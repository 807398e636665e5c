#!lua flags=no-writes
-- Reads executions, and sizes of ordered sets, together with all that places them: one moment of
-- Redis.
--
-- KEYS[1] projector hash   KEYS[2] events
-- KEYS[3..] rows and ordered sets; named below by their place in KEYS
-- ARGV[1] id of the event that was read last, 0-0 for none
-- ARGV[2] number of executions, then each of them:
--   executionId, place of its row, number of ordered sets, their places
-- then the number of ordered sets whose size is asked, and their places
--
-- Returns { layout, program, epoch, checkpoint, checkpointAhead, trimmedTo, entriesRead, eventsAccount,
-- 1 if there is a stream of events, its first id, the last id that it gave, how many entries were added to it, how many
-- of these are gone, the highest id that XDEL took, 1 if the checkpoint's event is there, 1 if the one
-- that was read last is, 1 if one is there after the checkpoint } ('' for what there is none of; a
-- projector hash of another type has none of its fields), then the executions, each
-- { row, its score in each set }, then the sizes. A row is HGETALL's pairs. A key of another type than
-- its name says is that type, after an exclamation mark; a score and a size that are not there are nil.

local info = { ['entries-added'] = 0, length = 0 }
local is_there = redis.call('EXISTS', KEYS[2])
if is_there == 1 then
  local reply = redis.call('XINFO', 'STREAM', KEYS[2])
  for i = 1, #reply, 2 do
    info[reply[i]] = reply[i + 1]
  end
end
local first = redis.call('XRANGE', KEYS[2], '-', '+', 'COUNT', 1)[1]

local hash = redis.pcall('HGETALL', KEYS[1])
local fields = {}
for i = 1, hash.err and 0 or #hash, 2 do
  fields[hash[i]] = hash[i + 1]
end
local function stored(field)
  return fields[field] or ''
end

-- What a key holds, or its type where that is another.
local function ask(command, key, ...)
  local reply = redis.pcall(command, key, ...)
  if type(reply) == 'table' and reply.err then
    return '!' .. redis.call('TYPE', key).ok
  end
  return reply
end

local place = 2
local function take()
  place = place + 1
  return ARGV[place - 1]
end

local executions, sizes = {}, {}
for i = 1, tonumber(take()) do
  local id = take()
  local scores = {}
  local row = ask('HGETALL', KEYS[tonumber(take())])
  for s = 1, tonumber(take()) do
    scores[s] = ask('ZSCORE', KEYS[tonumber(take())], id)
  end
  executions[i] = { row, scores }
end
for i = 1, tonumber(take()) do
  sizes[i] = ask('ZCARD', KEYS[tonumber(take())])
end

-- How many there are of the first one; 0 where a bound is no id.
local function count(from, to)
  local entries = redis.pcall('XRANGE', KEYS[2], from, to, 'COUNT', 1)
  return entries.err and 0 or #entries
end
local function holds(id)
  return id == '' and 0 or count(id, id)
end
local checkpoint = stored('checkpoint')
local at = {
  stored('layout'),
  stored('program'),
  stored('epoch'),
  checkpoint,
  stored('checkpointAhead'),
  stored('trimmedTo'),
  stored('entriesRead'),
  stored('eventsAccount'),
  is_there,
  first and first[1] or '',
  info['last-generated-id'] or '',
  info['entries-added'],
  info['entries-added'] - info.length,
  info['max-deleted-entry-id'] or '',
  holds(checkpoint),
  holds(ARGV[1]),
  count('(' .. (checkpoint == '' and '0-0' or checkpoint), '+'),
}
return { at, executions, sizes }
