#!lua flags=allow-oom
-- Looks whether the checkpoint is of an event that the stream of events has not given yet: it was
-- changed by hand, or the stream was deleted and begun anew with lower ids. No event up to it would
-- ever be read. That is noted, since newer events pass such a checkpoint in the end: to go on then
-- would skip those before it.
--
-- KEYS[1] projector hash   KEYS[2] events
--
-- Returns 1 when it is. 0 also where there is no stream, whose next event may well come after the
-- checkpoint, and where this user may not run XINFO.

local checkpoint = redis.call('HGET', KEYS[1], 'checkpoint') or ''
local ms, seq = checkpoint:match('^(%d+)%-(%d+)$')
if not ms or #redis.call('XRANGE', KEYS[2], checkpoint, checkpoint) > 0 then
  return 0
end
local info = redis.call('EXISTS', KEYS[2]) == 1 and redis.pcall('XINFO', 'STREAM', KEYS[2])
if not info or info.err then
  return 0
end
local given
for i = 1, #info, 2 do
  if info[i] == 'last-generated-id' then
    given = info[i + 1]
  end
end

-- Decimals without leading zeros compare by length first: ids have 64 bits, numbers here 53.
local function is_less(a, b)
  return #a < #b or (#a == #b and a < b)
end
local given_ms, given_seq = given:match('^(%d+)%-(%d+)$')
if is_less(given_ms, ms) or (given_ms == ms and is_less(given_seq, seq)) then
  redis.call('HSET', KEYS[1], 'checkpointAhead', checkpoint)
  return 1
end
return 0
