interrupt(0x31)
local f = open("\\\\.\\Rule")
f:ioctl(0x222000)
f:close()
