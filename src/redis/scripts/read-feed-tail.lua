#!lua flags=no-writes
-- Reads the end of the feed together with all that places it: one moment of Redis.
--
-- KEYS[1] projector hash   KEYS[2] updates   ARGV[1] how many changes to read at most
--
-- Returns epoch, checkpoint ('' each where there is none), how many entries the feed has lost from
-- its front, and its last entries, newest first.

local trimmed = 0
if redis.call('EXISTS', KEYS[2]) == 1 then
  local info = redis.call('XINFO', 'STREAM', KEYS[2])
  for i = 1, #info, 2 do
    if info[i] == 'entries-added' then
      trimmed = info[i + 1] - redis.call('XLEN', KEYS[2])
    end
  end
end
return {
  redis.call('HGET', KEYS[1], 'epoch') or '',
  redis.call('HGET', KEYS[1], 'checkpoint') or '',
  trimmed,
  redis.call('XREVRANGE', KEYS[2], '+', '-', 'COUNT', ARGV[1]),
}
