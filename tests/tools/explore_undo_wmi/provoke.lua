-- The one request of a rule driver.
local f = open("\\\\.\\Rule")
f:ioctl(0x222000)
f:close()
