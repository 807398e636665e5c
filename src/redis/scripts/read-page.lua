#!lua flags=no-writes
-- Reads a part of a page: the tasks of some ordered sets, merged, newest first, with the position
-- that they belong to. Ties of the score are in descending order of the members' bytes, as in the
-- sets themselves. A member of several sets counts once.
--
-- KEYS[1]   hash: epoch, checkpoint, layout and mends
-- KEYS[2…]  ordered sets: score occurredAt in milliseconds, member executionId; none finds nothing
-- ARGV[1]   prefix of the rows' keys; a row's key ends in the executionId
-- ARGV[2]   how many rows are wanted, at least 1
-- ARGV[3]   how many members are looked at before it stops, so that Redis is not blocked for long
-- ARGV[4]   score after which to continue; empty: from the newest
-- ARGV[5]   member after which to continue, whether or not it is still there
-- ARGV[6]   project that a row must have; empty: any
-- ARGV[7…]  statuses of which a row must have one; none: any
--
-- Returns epoch, checkpoint, layout, mends (nil each where there is none) as a list; the rows as one JSON
-- array, since a client takes ten times as long to read 1,500 replies as one; each of them as HGETALL's
-- pairs (nothing where there is none); and the { score, member } looked at last, nil once the sets are
-- exhausted.
--
-- Costs O(log n) for each set to find its place, also amid 100,000 members of the same score, and
-- then as much as it looks at.

local row_prefix = ARGV[1]
local wanted, budget = tonumber(ARGV[2]), tonumber(ARGV[3])
local after_score, after_member = ARGV[4], ARGV[5]
local wanted_project, is_any_project = ARGV[6], ARGV[6] == ''
local wanted_statuses, is_any_status = {}, #ARGV < 7
for i = 7, #ARGV do wanted_statuses[ARGV[i]] = true end

-- Lua's own comparison follows the server's locale, ordered sets do not.
local function is_greater(a, b)
  for i = 1, math.min(#a, #b) do
    local byte_a, byte_b = a:byte(i), b:byte(i)
    if byte_a ~= byte_b then return byte_a > byte_b end
  end
  return #a > #b
end

-- The rank, newest first, of the first member after the one to continue after. By rank and not by
-- score, because a range by score would walk through the whole tie.
local function first_rank(key)
  if after_score == '' then return 0 end
  local score = redis.call('ZSCORE', key, after_member)
  if score and tonumber(score) == tonumber(after_score) then
    return redis.call('ZREVRANK', key, after_member) + 1
  end
  local low = redis.call('ZCOUNT', key, '(' .. after_score, '+inf')
  local high = low + redis.call('ZCOUNT', key, after_score, after_score)
  while low < high do
    local middle = math.floor((low + high) / 2)
    local member = redis.call('ZRANGE', key, middle, middle, 'REV')[1]
    if is_greater(after_member, member) then high = middle else low = middle + 1 end
  end
  return low
end

-- One more than a set's fair share, so that the last member wanted does not fetch a further chunk.
local chunk_size = math.max(16, math.ceil(wanted / math.max(1, #KEYS - 1)) + 1)

-- Fetches more of a set; false at its end.
local function refill(walk)
  local last_rank = walk.rank + chunk_size - 1
  walk.chunk = redis.call('ZRANGE', walk.key, walk.rank, last_rank, 'REV', 'WITHSCORES')
  walk.rank = walk.rank + #walk.chunk / 2
  walk.at = 1
  return #walk.chunk > 0
end

-- One walk for each set that has not ended: at member chunk[at], whose score is chunk[at + 1].
local walks = {}
for i = 2, #KEYS do
  local walk = { key = KEYS[i], rank = first_rank(KEYS[i]) }
  if refill(walk) then walks[#walks + 1] = walk end
end

-- The newest member that a walk is at, and its score. Every walk that is at it moves on.
local function take_newest()
  local newest, newest_score, newest_number
  for _, walk in ipairs(walks) do
    local member, score = walk.chunk[walk.at], walk.chunk[walk.at + 1]
    local number = tonumber(score)
    if not newest or number > newest_number
      or (number == newest_number and is_greater(member, newest)) then
      newest, newest_score, newest_number = member, score, number
    end
  end
  for i = #walks, 1, -1 do
    local walk = walks[i]
    if walk.chunk[walk.at] == newest then
      walk.at = walk.at + 2
      if walk.at > #walk.chunk and not refill(walk) then table.remove(walks, i) end
    end
  end
  return newest, newest_score
end

local function passes(row_key)
  if is_any_project and is_any_status then return true end
  local row = redis.call('HMGET', row_key, 'project', 'status')
  return (is_any_project or row[1] == wanted_project)
    and (is_any_status or wanted_statuses[row[2]] == true)
end

local rows, stop = {}, false
for _ = 1, budget do
  local member, score = take_newest()
  stop = member and { score, member } or false
  if not member then break end
  local row_key = row_prefix .. member
  if passes(row_key) then
    rows[#rows + 1] = redis.call('HGETALL', row_key)
    if #rows == wanted then break end
  end
end
return {
  redis.call('HMGET', KEYS[1], 'epoch', 'checkpoint', 'layout', 'mends'),
  -- Texts alone are safe with cjson, and it makes an object of an empty list.
  #rows == 0 and '[]' or cjson.encode(rows),
  stop,
}
