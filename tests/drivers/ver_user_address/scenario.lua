-- The request comes with METHOD_NEITHER: the driver sees the program's own addresses.
local f = open("\\\\.\\Rule")
f:ioctl(0x222003, string.rep("x", 64), 64)
f:close()
