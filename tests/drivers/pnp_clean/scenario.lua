-- A life with every turn: used, powered down and up, stopped and started again, pulled out.
local clear, level = 0x222404, 0x22240a

local function use()
  local f = open("\\\\?\\interface")
  return f
end

expect(pnp("query_capabilities") == 0)
expect(pnp("start") == 0)
