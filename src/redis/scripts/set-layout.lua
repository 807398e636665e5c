#!lua
-- Puts another layout in the place of the stored one: what begins and what ends a migration.
--
-- KEYS[1] projector hash   KEYS[2] lease
-- ARGV[1] who asks   ARGV[2] stored layout   ARGV[3] layout to put there
-- ARGV[4] version of the program that does it
-- Returns 1; 0 where the asker does not hold the lease or the stored layout is another.

if redis.call('GET', KEYS[2]) ~= ARGV[1] or redis.call('HGET', KEYS[1], 'layout') ~= ARGV[2] then
  return 0
end
redis.call('HSET', KEYS[1], 'layout', ARGV[3], 'program', ARGV[4])
return 1
