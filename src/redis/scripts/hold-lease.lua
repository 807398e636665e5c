#!lua
-- Takes the lease, or prolongs it for the one that holds it.
--
-- KEYS[1] lease   ARGV[1] who asks   ARGV[2] for how long, in milliseconds
-- Returns 1 when the asker holds it now, 0 when somebody else does.

local holder = redis.call('GET', KEYS[1])
if holder and holder ~= ARGV[1] then
  return 0
end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return 1
