local f = open("\\\\.\\Rule")
f:ioctl(0x222002, "in", 64)
f:close()
