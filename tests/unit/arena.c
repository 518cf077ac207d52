/* Criterion's runner maps memory that it shares with each test at a random address, which it then takes in the
 * test's process too. Ours are fixed: so the runner (and only it) occupies them before it picks one. */
#include <stdlib.h>
#include <sys/mman.h>

__attribute__((constructor)) static void keep_out(void)
{
    if (getenv("BXFI_MAP")) /* a test's process */
        return;
    (void)mmap((void *)0x480000000000, 0x080000000000, PROT_NONE,
               MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED_NOREPLACE, -1, 0);
}
