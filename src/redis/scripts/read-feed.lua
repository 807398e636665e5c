#!lua flags=no-writes
-- Reads the feed together with all that places it: one moment of Redis.
--
-- KEYS[1] projector hash   KEYS[2] updates
-- ARGV[1] id of the change that was read last
-- ARGV[2] how many changes to read at most
--
-- Returns epoch, epoch that it replaced, checkpoint, id of the feed's first entry ('' each where
-- there is none), 1 if the change that was read last is still in the feed, and the entries after it.

local first = redis.call('XRANGE', KEYS[2], '-', '+', 'COUNT', 1)[1]
return {
  redis.call('HGET', KEYS[1], 'epoch') or '',
  redis.call('HGET', KEYS[1], 'replacedEpoch') or '',
  redis.call('HGET', KEYS[1], 'checkpoint') or '',
  first and first[1] or '',
  #redis.call('XRANGE', KEYS[2], ARGV[1], ARGV[1]),
  redis.call('XRANGE', KEYS[2], '(' .. ARGV[1], '+', 'COUNT', ARGV[2]),
}
