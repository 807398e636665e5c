#!lua
-- Opens a new history, once: whoever comes second is told what the first one chose.
--
-- KEYS[1] projector hash   ARGV[1] epoch to replace, '' for none   ARGV[2] epoch to put there
-- ARGV[3] epoch that the asker followed, '' for none: others who followed it see that this is its
-- proper successor
-- Returns the epoch in force.

local current = redis.call('HGET', KEYS[1], 'epoch') or ''
if current ~= ARGV[1] then
  return current
end
redis.call('HSET', KEYS[1], 'epoch', ARGV[2], 'replacedEpoch', ARGV[3])
return ARGV[2]
