local f, status = open("\\\\.\\Nothing")
expect(not f)
expect(status == 0xC0000034, string.format("status 0x%08X", status))
