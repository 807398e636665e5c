#!lua
-- Deletes a key that holds another type than its name says, and notes it, so that clients are told.
--
-- KEYS[1] the key   KEYS[2] record of the repair   ARGV[1] the type that it should be: hash or stream
-- Returns 1 when it was deleted; 0 when it is of its type, or not there.

local probes = {
  hash = { 'HGET', KEYS[1], 'layout' },
  stream = { 'XREVRANGE', KEYS[1], '+', '-', 'COUNT', 1 },
}
local reply = redis.pcall(unpack(probes[ARGV[1]]))
if type(reply) ~= 'table' or not reply.err or not reply.err:find('^WRONGTYPE') then
  return 0
end
redis.call('DEL', KEYS[1])
redis.call('HINCRBY', KEYS[2], 'untold', 1)
return 1
