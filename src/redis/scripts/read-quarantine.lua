#!lua flags=no-writes
-- Reads entries of the quarantine, bounded by their number and by their bytes.
--
-- KEYS[1] quarantine
-- ARGV[1] XRANGE or XREVRANGE   ARGV[2] where it begins   ARGV[3] where it ends, both as the command
-- takes them   ARGV[4] how many entries at most
-- ARGV[5] bytes that one entry may have: of a larger one, texts of more than ARGV[6] bytes are cut to
-- ARGV[7] bytes, and if that is not enough, all of its texts are
-- ARGV[8] bytes to return: it stops with the entry that reaches them
--
-- Returns { id, { field, value, ... }, { place, bytes, ... } } for each entry: the last list has the
-- texts that were cut, by their place from 0, each with how many bytes of it are missing.

local first, last, left = ARGV[2], ARGV[3], tonumber(ARGV[4])
local most_of_one, most_of_text = tonumber(ARGV[5]), tonumber(ARGV[6])
local cut_to, most = tonumber(ARGV[7]), tonumber(ARGV[8])

-- So many at a time, so that large entries are not all fetched before they are counted.
local CHUNK = 16
-- What a text takes besides its bytes, so that empty ones count, too.
local OVERHEAD = 16

local function size_of(texts)
  local size = 0
  for _, text in ipairs(texts) do
    size = size + #text + OVERHEAD
  end
  return size
end

-- Cuts texts that are longer than that, and notes which; returns how many bytes of them are missing.
local function cut(texts, longer_than, cuts)
  local missing = 0
  for i, text in ipairs(texts) do
    if #text > longer_than then
      cuts[#cuts + 1] = i - 1
      cuts[#cuts + 1] = #text - cut_to
      missing = missing + #text - cut_to
      texts[i] = text:sub(1, cut_to)
    end
  end
  return missing
end

local read, bytes = {}, 0
while left > 0 and bytes < most do
  local entries = redis.call(ARGV[1], KEYS[1], first, last, 'COUNT', math.min(left, CHUNK))
  if #entries == 0 then
    break
  end
  for _, entry in ipairs(entries) do
    local id, texts = entry[1], entry[2]
    local cuts, size = {}, size_of(texts)
    for _, longer_than in ipairs({ most_of_text, cut_to }) do
      if size > most_of_one then
        size = size - cut(texts, longer_than, cuts)
      end
    end
    read[#read + 1] = { id, texts, cuts }
    bytes = bytes + size
    first = '(' .. id
    left = left - 1
    if bytes >= most then
      break
    end
  end
end
return read
