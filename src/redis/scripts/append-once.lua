#!lua
-- Appends entries, each only if none of its records says that it was appended before, and keeps that
-- in all of them: the check and the append are one step, whoever else does the same at the same time.
--
-- Redis refuses the script before its first line when memory is full or the node is a replica. What
-- can fail comes before the first write, because nothing undoes one: keys of another type, and
-- entries that XADD would not take. An entry's records come right after it, before anything else.
--
-- KEYS[1] events   KEYS[2] quarantine   KEYS[3..] records and notes; named below by their place in KEYS
-- ARGV[1] place of the record of the whole request, '' for none
-- ARGV[2] what the request is recognised by   ARGV[3] seconds to keep that
-- ARGV[4] number of entries, then each of them:
--   place of its stream
--   number of texts, then field, value, ...
--   number of records, then of each: place, seconds to keep it
--   number of notes, then of each: 'set', 'claim' or 'add', place, value, seconds to keep it
--
-- Returns a list: for each entry its id, then 1 when it had been appended before, else 0. Returns 0
-- when the record of the request is that of another one; nothing is appended then, and nothing kept.

local function wrong_type(key, expected)
  local found = redis.call('TYPE', key).ok
  if found ~= expected and found ~= 'none' then
    return redis.error_reply('WRONGTYPE ' .. key .. ' is a ' .. found .. ', not a ' .. expected)
  end
end
local wrong = wrong_type(KEYS[1], 'stream') or wrong_type(KEYS[2], 'stream')
if wrong then
  return wrong
end

local request = KEYS[tonumber(ARGV[1])]
local seen = request and redis.call('GET', request)
if seen and seen ~= ARGV[2] then
  return 0
end

local place = 4
local function take()
  place = place + 1
  return ARGV[place - 1]
end
local function take_list(fields)
  local list = {}
  for i = 1, tonumber(take()) * fields do
    list[i] = take()
  end
  return list
end

-- As many texts as unpack is sure to take.
local MOST_UNPACKED = 7000
local entries, known = {}, {}
for i = 1, tonumber(take()) do
  local stream, pairs = KEYS[tonumber(take())], take_list(1)
  local entry = { stream = stream, pairs = pairs, records = take_list(2), notes = take_list(4) }
  if #pairs == 0 or #pairs % 2 ~= 0 or #pairs > MOST_UNPACKED then
    wrong = redis.error_reply('BADENTRY an entry of ' .. #pairs .. ' texts cannot be appended')
  end
  for r = 1, #entry.records, 2 do
    local record = KEYS[tonumber(entry.records[r])]
    known[record] = known[record] or redis.call('GET', record)
  end
  for n = 1, #entry.notes, 4 do
    wrong = wrong
      or wrong_type(KEYS[tonumber(entry.notes[n + 1])], entry.notes[n] == 'add' and 'set' or 'string')
  end
  entries[i] = entry
end
if wrong then
  return wrong
end

local function write_notes(notes)
  for n = 1, #notes, 4 do
    local key = KEYS[tonumber(notes[n + 1])]
    if notes[n] == 'add' then
      redis.call('SADD', key, notes[n + 2])
      redis.call('EXPIRE', key, notes[n + 3])
    elseif notes[n] == 'set' or redis.call('EXISTS', key) == 0 then
      redis.call('SET', key, notes[n + 2], 'EX', notes[n + 3])
    end
  end
end

local replies = {}
for _, entry in ipairs(entries) do
  local id
  for r = 1, #entry.records, 2 do
    id = id or known[KEYS[tonumber(entry.records[r])]]
  end
  local is_repeat = id and 1 or 0
  id = id or redis.call('XADD', entry.stream, '*', unpack(entry.pairs))
  for r = 1, #entry.records, 2 do
    local record = KEYS[tonumber(entry.records[r])]
    if not known[record] then
      known[record] = id
      redis.call('SET', record, id, 'EX', entry.records[r + 1])
    end
  end
  if is_repeat == 0 then
    write_notes(entry.notes)
  end
  replies[#replies + 1] = id
  replies[#replies + 1] = is_repeat
end
if request and not seen then
  redis.call('SET', request, ARGV[2], 'EX', ARGV[3])
end
return replies
