local f = nil
f:ioctl(1)
