#!lua
-- Opens a new history, once: whoever comes second is told what the first one chose.
--
-- KEYS[1] projector hash   ARGV[1] epoch to replace, '' for none   ARGV[2] epoch to put there
-- ARGV[3] epoch that the asker followed, '' for none
-- Returns the epoch in force.
--
-- The new epoch is written together with those whose place it takes, the latest first: by that,
-- servers that followed one of them tell a successor from an epoch that came back with a backup.

local MOST_FORMER = 16

local current = redis.call('HGET', KEYS[1], 'epoch') or ''
if current ~= ARGV[1] then
  return current
end

local former, seen = {}, { [''] = true, [ARGV[2]] = true }
local function add(epoch)
  if not seen[epoch] and #former < MOST_FORMER then
    seen[epoch] = true
    former[#former + 1] = epoch
  end
end
add(ARGV[3])
add(current)
for epoch in string.gmatch(redis.call('HGET', KEYS[1], 'formerEpochs') or '', '%S+') do
  add(epoch)
end
redis.call('HSET', KEYS[1], 'epoch', ARGV[2], 'formerEpochs', table.concat(former, ' '))
return ARGV[2]
