local f = open("\\\\.\\Rule")
f:ioctl(0x222000, "question", 16)
f:close()
