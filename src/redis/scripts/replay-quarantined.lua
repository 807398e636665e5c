#!lua
-- Appends an entry of the quarantine to the events again, and removes it: one step, so that nothing
-- is ever in neither, and that of two who do it at once only one does.
--
-- Redis refuses the script before its first line when memory is full or the node is a replica. What
-- else can fail, keys of another type, fails before the removal.
--
-- KEYS[1] events   KEYS[2] quarantine
-- KEYS[3] record that its source was replayed; absent where its source can be here only once
-- ARGV[1] its id in the quarantine   ARGV[2] seconds to keep the record   ARGV[3..] field, value, ...
--
-- Returns { id in the events, 0 }; { id, 1 } when its source had been replayed before under that id:
-- then it is only removed; nil when it is not in the quarantine.

if #redis.call('XRANGE', KEYS[2], ARGV[1], ARGV[1]) == 0 then
  return nil
end

local known = KEYS[3] and redis.call('GET', KEYS[3])
if known then
  redis.call('XDEL', KEYS[2], ARGV[1])
  return { known, 1 }
end

local id = redis.call('XADD', KEYS[1], '*', unpack(ARGV, 3))
if KEYS[3] then
  redis.call('SET', KEYS[3], id, 'EX', ARGV[2])
end
redis.call('XDEL', KEYS[2], ARGV[1])
return { id, 0 }
