/*
 * NTSTATUS to Win32 error codes: the statuses that drivers meet. What is not in the table gives
 * ERROR_MR_MID_NOT_FOUND, as Windows gives for a status it has no counterpart for.
 *
 * Not yet: the whole of Windows' table (about 1 200 rows).
 * Doc: nf-ntifs-rtlntstatustodoserrornoteb; [MS-ERREF] 2.2 and 2.3.
 */
#include "kernel/kernel_priv.h"

enum { MID_NOT_FOUND = 317, FACILITY_WIN32 = 7 };

/* Ordered by status. */
/* clang-format off */
static const struct {
    ULONG status;
    USHORT error;
} rows[] = {
    {0x00000000, 0}, {0x00000102, 1460}, {0x00000103, 997}, {0x00000105, 234}, {0x00000106, 1300},
    {0x00000107, 1301}, {0x0000010C, 1022}, {0x80000002, 998}, {0x80000005, 234}, {0x80000006, 18},
    {0x8000000D, 299}, {0x8000000E, 28}, {0x8000000F, 21}, {0x80000010, 21}, {0x80000011, 170},
    {0x80000012, 259}, {0x80000014, 255}, {0x8000001A, 259}, {0xC0000001, 31}, {0xC0000002, 1},
    {0xC0000003, 87}, {0xC0000004, 24}, {0xC0000005, 998}, {0xC0000006, 999}, {0xC0000007, 1454},
    {0xC0000008, 6}, {0xC0000009, 1001}, {0xC000000B, 87}, {0xC000000D, 87}, {0xC000000E, 2},
    {0xC000000F, 2}, {0xC0000010, 1}, {0xC0000011, 38}, {0xC0000012, 34}, {0xC0000013, 21},
    {0xC0000014, 1785}, {0xC0000015, 27}, {0xC0000016, 234}, {0xC0000017, 8}, {0xC0000018, 487},
    {0xC0000019, 487}, {0xC000001E, 5}, {0xC000001F, 5}, {0xC0000021, 5}, {0xC0000022, 5},
    {0xC0000023, 122}, {0xC0000024, 6}, {0xC000002A, 158}, {0xC0000030, 87}, {0xC0000033, 123},
    {0xC0000034, 2}, {0xC0000035, 183}, {0xC0000037, 6}, {0xC0000039, 161}, {0xC000003A, 3},
    {0xC000003B, 161}, {0xC000003E, 23}, {0xC0000040, 8}, {0xC0000041, 5}, {0xC0000042, 6},
    {0xC0000043, 32}, {0xC0000044, 1816}, {0xC0000045, 87}, {0xC0000046, 288}, {0xC0000047, 298},
    {0xC000004B, 5}, {0xC000004F, 282}, {0xC0000050, 255}, {0xC0000051, 1392}, {0xC0000052, 1392},
    {0xC0000054, 33}, {0xC0000055, 33}, {0xC0000056, 5}, {0xC0000058, 1305}, {0xC0000059, 1306},
    {0xC000005A, 1307}, {0xC000005B, 1308}, {0xC000005E, 1311}, {0xC000005F, 1312},
    {0xC0000060, 1313}, {0xC0000061, 1314}, {0xC000006D, 1326}, {0xC0000077, 1336},
    {0xC0000078, 1337}, {0xC0000079, 1338}, {0xC000007A, 127}, {0xC000007B, 193},
    {0xC000007C, 1008}, {0xC000007E, 158}, {0xC000007F, 112}, {0xC0000089, 1812},
    {0xC000008A, 1813}, {0xC000008B, 1814}, {0xC0000095, 534}, {0xC0000098, 1006},
    {0xC0000099, 1344}, {0xC000009A, 1450}, {0xC000009C, 23}, {0xC000009D, 1167}, {0xC00000A2, 19},
    {0xC00000A3, 21}, {0xC00000A5, 1346}, {0xC00000AB, 231}, {0xC00000AC, 231}, {0xC00000AD, 230},
    {0xC00000AE, 231}, {0xC00000AF, 1}, {0xC00000B0, 233}, {0xC00000B1, 232}, {0xC00000B2, 535},
    {0xC00000B3, 536}, {0xC00000B4, 230}, {0xC00000B5, 121}, {0xC00000BA, 5}, {0xC00000BB, 50},
    {0xC00000BC, 51}, {0xC00000BD, 52}, {0xC00000BE, 53}, {0xC00000BF, 54}, {0xC00000C0, 55},
    {0xC00000C1, 56}, {0xC00000C9, 64}, {0xC00000CA, 65}, {0xC00000CC, 67}, {0xC00000D4, 17},
    {0xC00000D9, 232}, {0xC00000E5, 1359}, {0xC00000E7, 1361}, {0xC00000E8, 1784}, {0xC00000EF, 87},
    {0xC00000F0, 87}, {0xC00000F1, 87}, {0xC00000F2, 87}, {0xC00000F3, 87}, {0xC00000F4, 87},
    {0xC00000F5, 87}, {0xC00000F6, 87}, {0xC00000F7, 87}, {0xC00000F8, 87}, {0xC00000F9, 87},
    {0xC00000FA, 87}, {0xC00000FB, 3}, {0xC00000FD, 1001}, {0xC0000101, 145}, {0xC0000102, 1392},
    {0xC0000103, 267}, {0xC0000106, 206}, {0xC000010A, 5}, {0xC000011F, 4}, {0xC0000120, 995},
    {0xC0000121, 5}, {0xC0000123, 5}, {0xC0000128, 6}, {0xC000012D, 1455}, {0xC000012F, 193},
    {0xC0000135, 126}, {0xC0000138, 182}, {0xC0000139, 127}, {0xC000014B, 109}, {0xC000014C, 1015},
    {0xC000014D, 1016}, {0xC0000162, 1113}, {0xC0000184, 22}, {0xC0000185, 1117}, {0xC0000189, 19},
    {0xC0000204, 1815}, {0xC0000205, 1130}, {0xC0000206, 1784}, {0xC000020C, 64}, {0xC000020D, 64},
    {0xC0000225, 1168}, {0xC0000235, 6}, {0xC0000236, 1225}, {0xC000023C, 1231}, {0xC000023D, 1232},
    {0xC0000241, 1236}, {0xC0000272, 1169}, {0xC00002B6, 1617}, {0xC0000361, 1260},
    {0xC0000428, 577},
};
/* clang-format on */

static ULONG lookup(ULONG status)
{
    size_t low = 0, high = PP_COUNT(rows);

    while (low < high) {
        size_t mid = (low + high) / 2;

        if (rows[mid].status == status)
            return rows[mid].error;
        if (rows[mid].status < status)
            low = mid + 1;
        else
            high = mid;
    }
    return MID_NOT_FOUND;
}

/* Statuses of the Win32 facility carry the error in their low half; customer bit and N bit set:
 * unchanged. */
static ULONG to_error(NTSTATUS status)
{
    ULONG s = (ULONG)status;

    if (s & 0x20000000u)
        return s;
    if ((s >> 16 & 0x1FFF) == FACILITY_WIN32 && s >> 30 >= 2)
        return s & 0xFFFF;
    if ((s & 0xF0000000u) == 0xD0000000u) /* an HRESULT made from a status */
        s = (s & 0x0FFFFFFFu) | 0xC0000000u;
    return lookup(s);
}

NT_EXPORT ULONG NTAPI RtlNtStatusToDosErrorNoTeb(NTSTATUS status)
{
    return to_error(status);
}

/* Doc: nf-ntifs-rtlntstatustodoserror. The copy it keeps in the thread's environment block is for
 * programs. */
NT_EXPORT ULONG NTAPI RtlNtStatusToDosError(NTSTATUS status)
{
    return to_error(status);
}
