#!lua flags=no-writes
-- Reads the next events, bounded by their number and by their bytes.
--
-- KEYS[1] events
-- ARGV[1] id to read after   ARGV[2] how many entries at most
-- ARGV[3] bytes that one entry may have: of a larger one only the id is returned
-- ARGV[4] bytes to return: it stops with the entry that reaches them
--
-- Returns [id, [field, value, ...]] for each entry, or [id] for one that is too large, in one array as
-- JSON: twenty short texts an entry are dear to send, and dearer to receive. '' for none.

local after, left = ARGV[1], tonumber(ARGV[2])
local most_of_one, most = tonumber(ARGV[3]), tonumber(ARGV[4])

-- So many at a time, so that large entries are not all fetched before they are counted.
local CHUNK = 64

local read, bytes = {}, 0
while left > 0 and bytes < most do
  local entries = redis.call('XRANGE', KEYS[1], '(' .. after, '+', 'COUNT', math.min(left, CHUNK))
  if #entries == 0 then
    break
  end
  for _, entry in ipairs(entries) do
    local size = 0
    for _, text in ipairs(entry[2]) do
      size = size + #text
    end
    if size > most_of_one then
      entry = { entry[1] }
      size = #entry[1]
    end
    read[#read + 1] = entry
    bytes = bytes + size
    after = entry[1]
    left = left - 1
    if bytes >= most then
      break
    end
  end
end
return #read > 0 and cjson.encode(read) or ''
