#!lua
-- Gives the lease up, if the asker still holds it.
--
-- KEYS[1] lease   ARGV[1] who asks
-- Returns 1 when it was given up, else 0.

if redis.call('GET', KEYS[1]) ~= ARGV[1] then
  return 0
end
return redis.call('DEL', KEYS[1])
