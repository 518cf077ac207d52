local f = open("\\\\.\\Rule")
f:ioctl(0x222001, "in", 64)
f:close()
