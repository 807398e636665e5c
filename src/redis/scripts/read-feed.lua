#!lua flags=no-writes
-- Reads the feed together with all that places it: one moment of Redis.
--
-- KEYS[1] projector hash   KEYS[2] updates
-- ARGV[1] id of the change that was read last, 0-0 for none
-- ARGV[2] how many changes to read at most
--
-- Returns epoch, the epochs whose place it took, separated by spaces, checkpoint, id of the feed's
-- first entry ('' each where there is none), how many entries the feed has lost from its front (0
-- where a change was read, which shows it better), 1 if that change is still in the feed, and the
-- entries after it.

local trimmed = 0
if ARGV[1] == '0-0' and redis.call('EXISTS', KEYS[2]) == 1 then
  local info = redis.call('XINFO', 'STREAM', KEYS[2])
  for i = 1, #info, 2 do
    if info[i] == 'entries-added' then
      trimmed = info[i + 1] - redis.call('XLEN', KEYS[2])
    end
  end
end
local first = redis.call('XRANGE', KEYS[2], '-', '+', 'COUNT', 1)[1]
return {
  redis.call('HGET', KEYS[1], 'epoch') or '',
  redis.call('HGET', KEYS[1], 'formerEpochs') or '',
  redis.call('HGET', KEYS[1], 'checkpoint') or '',
  first and first[1] or '',
  trimmed,
  #redis.call('XRANGE', KEYS[2], ARGV[1], ARGV[1]),
  redis.call('XRANGE', KEYS[2], '(' .. ARGV[1], '+', 'COUNT', ARGV[2]),
}
