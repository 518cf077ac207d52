-- A life with every turn: used, powered down and up, stopped and started again, pulled out.
local clear, level = 0x222404, 0x22240a
local name = "\\??\\ROOT#POOLPROOF#0000#{2f5b1c9e-7d42-4e0b-9b1f-603a52c81077}"
local not_ready = 0xC00000A3

local function used(f)
  local status, bytes = f:ioctl(level, "", 4)
  expect(status == 0)
  return (string.unpack("<I4", bytes))
end

local function use()
  local f = open(name)
  local status, bytes
  expect(f, "the interface opens")
  expect(f:ioctl(clear) == 0)
  expect(f:write("hello, ") == 0)
  expect(f:write("world") == 0)
  expect(used(f) == 12)
  status, bytes = f:read(5)
  expect(status == 0 and bytes == "hello")
  expect(used(f) == 7)
  expect(f:write(string.rep("x", 250)) == 0xC000007F, "a full device refuses")
  f:close()
end

expect(pnp("query_capabilities") == 0)
use()
local f = open(name)
expect(power("D3") == 0)
expect(f:write("x") == not_ready)
expect(power("D0") == 0)
expect(f:write("x") == 0)
f:close()
expect(pnp("query_stop") == 0)
expect(pnp("cancel_stop") == 0)
use()
expect(pnp("query_stop") == 0)
expect(pnp("stop") == 0)
expect(pnp("start") == 0)
use()
expect(pnp("query_remove") == 0)
expect(pnp("cancel_remove") == 0)
use()
f = open(name)
expect(pnp("surprise_removal") == 0)
expect(f:write("x") == not_ready)
f:close()
