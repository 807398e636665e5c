#!lua flags=no-writes
-- Reads the feed together with all that places it: one moment of Redis.
--
-- KEYS[1] projector hash   KEYS[2] updates
-- ARGV[1] id of the change that was read last, 0-0 for none
-- ARGV[2] how many changes to read at most
--
-- Returns epoch, the epochs whose place it took, separated by spaces, checkpoint, id of the feed's
-- first entry ('' each where there is none), how many of the changes that were ever written are not in
-- the feed (0 where a change was read, which shows it better), 1 if that change is still in the feed,
-- the entries after it, what says who may read all that: layout and program, and the last change that
-- was written ('' each where there is none).

local trimmed = 0
if ARGV[1] == '0-0' then
  local added = 0
  if redis.call('EXISTS', KEYS[2]) == 1 then
    local info = redis.call('XINFO', 'STREAM', KEYS[2])
    for i = 1, #info, 2 do
      if info[i] == 'entries-added' then
        added = info[i + 1]
      end
    end
  end
  -- More were written than were added to this feed where it was deleted, and perhaps begun anew.
  local written = tonumber(redis.call('HGET', KEYS[1], 'changesWritten') or 0) or 0
  trimmed = math.max(added, written) - redis.call('XLEN', KEYS[2])
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
  redis.call('HGET', KEYS[1], 'layout') or '',
  redis.call('HGET', KEYS[1], 'program') or '',
  redis.call('HGET', KEYS[1], 'lastChange') or '',
}
