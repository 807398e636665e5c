#!lua flags=no-writes
-- Tries whether this user may run a command. A command that writes is not run: rights are looked at
-- first, and after them Redis refuses whatever writes, because this script says that it does not.
--
-- KEYS[1..] keys of the command   ARGV[1..] the command, its keys among the arguments
-- Returns '' when it may be run, or why it may not: anything that was refused or went wrong.

local reply = redis.pcall(unpack(ARGV))
return type(reply) == 'table' and reply.err or ''
