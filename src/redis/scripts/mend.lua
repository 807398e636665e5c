#!lua
-- Writes rows and their members, each row only if it is still what was compared: the row is the one
-- that was read, and no event of its execution was looked at since. What is written is then right at
-- this moment, whatever the projector did meanwhile.
--
-- Redis refuses the script before its first line when memory is full or the node is a replica. What
-- holds another type than its name says is deleted before it is written, so that nothing here fails
-- after the first write.
--
-- KEYS[1] projector hash   KEYS[2] events   KEYS[3] record of the repair
-- KEYS[4..] rows and ordered sets; named below by their place in KEYS
-- ARGV[1] checkpoint at which they were compared, '' for none   ARGV[2] epoch of it, '' for none
-- ARGV[3] layout version   ARGV[4] number of rows, then each of them:
--   executionId, place of the row
--   the row that was compared: '' for none, '!' and its type for none of its type, else its
--     lastEventId ('-' without one)
--   keep, write or remove
--   number of texts, then field, value, ... of the row to write
--   number of moves, then of each: place of the set, score ('' removes)
--
-- Returns the checkpoint, '' for none, and a list: 1 for each row that was written, 0 for each that was
-- left. How many were written is counted in the record, so that it is known after any failure. An
-- error when the read model has another layout.

-- Entries that are looked at: where more came since, everything has to be compared again.
local MOST_SINCE = 2000

local function stored(field)
  return redis.call('HGET', KEYS[1], field) or ''
end

local layout = stored('layout')
if layout ~= '' and layout ~= ARGV[3] then
  return redis.error_reply('OTHERLAYOUT ' .. KEYS[1] .. ' has layout ' .. layout)
end

-- Decimals without leading zeros compare by length first: ids have 64 bits, numbers here 53.
local function is_less(a, b)
  return #a < #b or (#a == #b and a < b)
end
local function is_before(a, b)
  local a_ms, a_seq = a:match('^(%d+)%-(%d+)$')
  local b_ms, b_seq = b:match('^(%d+)%-(%d+)$')
  -- What is no id, as after a change by hand, is before every one.
  if not a_ms or not b_ms then
    return not a_ms
  end
  return is_less(a_ms, b_ms) or (a_ms == b_ms and is_less(a_seq, b_seq))
end

-- The executions that events since then name; nil where it is another history, or too many came.
local function named_since(compared)
  local named, checkpoint = {}, stored('checkpoint')
  if stored('epoch') ~= ARGV[2] then
    return nil
  end
  if checkpoint == compared then
    return named
  end
  if is_before(checkpoint, compared == '' and '0-0' or compared) then
    return nil
  end
  local after = '(' .. (compared == '' and '0-0' or compared)
  local entries = redis.call('XRANGE', KEYS[2], after, checkpoint, 'COUNT', MOST_SINCE + 1)
  if #entries > MOST_SINCE then
    return nil
  end
  for _, entry in ipairs(entries) do
    for i = 1, #entry[2], 2 do
      if entry[2][i] == 'executionId' then
        named[entry[2][i + 1]] = true
      end
    end
  end
  return named
end

local function type_of(key)
  return redis.call('TYPE', key).ok
end

local function mark_of(key)
  local found = type_of(key)
  if found == 'none' then
    return ''
  end
  return found == 'hash' and (redis.call('HGET', key, 'lastEventId') or '-') or '!' .. found
end

local place = 5
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

local named = named_since(ARGV[1])
local outcomes, written = {}, 0
for i = 1, tonumber(ARGV[4]) do
  local id, row, mark, what = take(), KEYS[tonumber(take())], take(), take()
  local pairs, moves = take_list(1), take_list(2)
  outcomes[i] = 0
  if named and not named[id] and mark_of(row) == mark then
    if what ~= 'keep' then
      redis.call('DEL', row)
    end
    if what == 'write' then
      redis.call('HSET', row, unpack(pairs))
    end
    for m = 1, #moves, 2 do
      local set, score = KEYS[tonumber(moves[m])], moves[m + 1]
      local found = type_of(set)
      if found ~= 'zset' and found ~= 'none' then
        redis.call('DEL', set)
      end
      if score == '' then
        redis.call('ZREM', set, id)
      else
        redis.call('ZADD', set, score, id)
      end
    end
    outcomes[i] = 1
    written = written + 1
  end
end
if written > 0 then
  redis.call('HINCRBY', KEYS[3], 'untold', written)
  if redis.call('TYPE', KEYS[1]).ok == 'hash' then
    -- Rows changed behind the checkpoint, by which a page is taken for the same as before. Not by
    -- HINCRBY, which fails where it finds no number.
    redis.call('HSET', KEYS[1], 'mends', string.format('%d', (tonumber(stored('mends')) or 0) + 1))
  end
end
return { stored('checkpoint'), outcomes }
