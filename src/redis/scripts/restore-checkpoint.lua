#!lua
-- Puts a checkpoint in the place of one that was lost or is wrong, unless it is another by now, or takes
-- it away so that a projector begins anew; or takes a feed away that has nothing to do with the events.
--
-- KEYS[1] projector hash   KEYS[2] updates   KEYS[3] record of the repair
-- ARGV[1] the checkpoint that was found, '' for none   ARGV[2] checkpoint to put there, '' for none
-- ARGV[3] entries up to it, those that are gone included, also of earlier streams
-- ARGV[4] entries that are gone
-- ARGV[5] last id of a feed to delete, '' for none   ARGV[6] 1 to take the checkpoint away
-- ARGV[7] the account of the events' entries, where it must tell of an earlier stream, else ''
--
-- Returns 1 when it was done; 0 when the stored checkpoint or the feed's last id is another.

local function stored(field)
  return redis.call('HGET', KEYS[1], field) or ''
end

local last = redis.call('XREVRANGE', KEYS[2], '+', '-', 'COUNT', 1)[1]
if stored('checkpoint') ~= ARGV[1] or (ARGV[5] ~= '' and (last and last[1] or '') ~= ARGV[5]) then
  return 0
end

redis.call('HINCRBY', KEYS[3], 'untold', 1)
if redis.call('TYPE', KEYS[1]).ok == 'hash' then
  -- A checkpoint that was there before may come again, with other rows.
  redis.call('HSET', KEYS[1], 'mends', string.format('%d', (tonumber(stored('mends')) or 0) + 1))
end
if ARGV[5] ~= '' then
  redis.call('DEL', KEYS[2])
end
if ARGV[2] ~= '' then
  redis.call('HSET', KEYS[1], 'checkpoint', ARGV[2], 'entriesRead', ARGV[3])
  -- Else they would be taken for trimmed by somebody else.
  redis.call('HSETNX', KEYS[1], 'eventsTrimmed', ARGV[4])
end
if ARGV[6] == '1' then
  redis.call('HDEL', KEYS[1], 'checkpoint')
  redis.call('HSET', KEYS[1], 'entriesRead', ARGV[3])
end
if ARGV[7] ~= '' then
  redis.call('HSET', KEYS[1], 'eventsAccount', ARGV[7])
end
return 1
