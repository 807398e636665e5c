#!lua
-- Notes that a run of a repair ended and told of all that it wrote. What another one wrote meanwhile is
-- still to be told.
--
-- KEYS[1] record of the repair
-- ARGV[1] how much was written, as it was before it was told; 0 for nothing
-- ARGV[2] checkpoint at the beginning of the epoch that told it, '' for none
-- ARGV[3] 1 when there is nothing to be continued
-- Returns 1.

if ARGV[2] ~= '' then
  redis.call('HSET', KEYS[1], 'feedSince', ARGV[2])
end
local untold = (tonumber(redis.call('HGET', KEYS[1], 'untold') or 0) or 0) - ARGV[1]
if untold > 0 then
  redis.call('HSET', KEYS[1], 'untold', untold)
else
  redis.call('HDEL', KEYS[1], 'untold')
end
if ARGV[3] == '1' then
  redis.call('HDEL', KEYS[1], 'mode', 'from', 'rowsFrom', 'atMs')
end
return 1
