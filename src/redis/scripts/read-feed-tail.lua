#!lua flags=no-writes
-- Reads the end of the feed together with all that places it: one moment of Redis.
--
-- KEYS[1] projector hash   KEYS[2] updates   ARGV[1] how many changes to read at most
--
-- Returns epoch, checkpoint ('' each where there is none), how many of the changes that were ever
-- written are not in the feed, its last entries, newest first, what says who may read all that: layout
-- and program, the last change that was written, and the highest id that XDEL took from the feed (''
-- each where there is none).

local info = { ['entries-added'] = 0, ['max-deleted-entry-id'] = '' }
if redis.call('EXISTS', KEYS[2]) == 1 then
  local reply = redis.call('XINFO', 'STREAM', KEYS[2])
  for i = 1, #reply, 2 do
    info[reply[i]] = reply[i + 1]
  end
end
-- More were written than were added to this feed where it was deleted, and perhaps begun anew.
local written = tonumber(redis.call('HGET', KEYS[1], 'changesWritten') or 0) or 0
return {
  redis.call('HGET', KEYS[1], 'epoch') or '',
  redis.call('HGET', KEYS[1], 'checkpoint') or '',
  math.max(info['entries-added'], written) - redis.call('XLEN', KEYS[2]),
  redis.call('XREVRANGE', KEYS[2], '+', '-', 'COUNT', ARGV[1]),
  redis.call('HGET', KEYS[1], 'layout') or '',
  redis.call('HGET', KEYS[1], 'program') or '',
  redis.call('HGET', KEYS[1], 'lastChange') or '',
  info['max-deleted-entry-id'],
}
