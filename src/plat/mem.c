/* Memory at fixed addresses. See plat.h. */
#include "plat/plat.h"

#include <errno.h>
#include <sys/mman.h>
#include <sys/uio.h>
#include <unistd.h>

static int native_prot(unsigned prot)
{
    return ((prot & OS_READ) ? PROT_READ : 0) | ((prot & OS_WRITE) ? PROT_WRITE : 0) |
           ((prot & OS_EXEC) ? PROT_EXEC : 0);
}

int os_map(uint64_t addr, size_t size, unsigned prot)
{
    void *p = mmap((void *)addr, size, native_prot(prot),
                   MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED_NOREPLACE, -1, 0);

    if (p == MAP_FAILED)
        return -errno;
    if ((uint64_t)p != addr) { /* a kernel that does not know the flag */
        (void)munmap(p, size); /* nothing to report twice */
        return -EEXIST;
    }
    return 0;
}

int os_protect(uint64_t addr, size_t size, unsigned prot)
{
    return mprotect((void *)addr, size, native_prot(prot)) ? -errno : 0;
}

int os_discard(uint64_t addr, size_t size)
{
    return madvise((void *)addr, size, MADV_DONTNEED) ? -errno : 0;
}

int os_unmap(uint64_t addr, size_t size)
{
    return munmap((void *)addr, size) ? -errno : 0;
}

int os_shared_new(size_t size, int *ret_fd)
{
    int fd = memfd_create("poolproof", MFD_CLOEXEC);

    if (fd < 0)
        return -errno;
    if (ftruncate(fd, (off_t)size)) {
        int err = -errno;

        (void)close(fd); /* the first error counts */
        return err;
    }
    *ret_fd = fd;
    return 0;
}

bool os_shared_used(int fd, uint64_t offset, uint64_t end, uint64_t *ret_from, uint64_t *ret_to)
{
    off_t from = lseek(fd, (off_t)offset, SEEK_DATA), to;

    if (from < 0 || (uint64_t)from >= end)
        return false;
    to = lseek(fd, from, SEEK_HOLE);
    *ret_from = (uint64_t)from;
    *ret_to = to < 0 ? end : PP_MIN((uint64_t)to, end);
    return true;
}

/* Through a small buffer: a mapping for each piece costs twenty times as much. */
int os_shared_copy(int from, int to, uint64_t offset, size_t size)
{
    static uint8_t buf[2 * PP_PAGE_SIZE];

    while (size) {
        ssize_t n = pread(from, buf, PP_MIN(size, sizeof buf), (off_t)offset);

        if (n > 0 && pwrite(to, buf, (size_t)n, (off_t)offset) != n)
            n = -1;
        if (n <= 0)
            return n && errno ? -errno : -EIO;
        offset += (uint64_t)n;
        size -= (size_t)n;
    }
    return 0;
}

int os_shared_map(int fd, uint64_t offset, uint64_t addr, size_t size, unsigned prot)
{
    void *p = mmap((void *)addr, size, native_prot(prot), MAP_SHARED | MAP_FIXED_NOREPLACE, fd,
                   (off_t)offset);

    return p == MAP_FAILED ? -errno : 0;
}

size_t os_peek(uint64_t addr, void *dst, size_t size)
{
    size_t done = 0;

    /* One page at a time: a call that meets an unreadable page copies nothing of that iovec. */
    while (done < size) {
        size_t left_in_page = PP_PAGE_SIZE - ((addr + done) & (PP_PAGE_SIZE - 1));
        size_t want = PP_MIN(left_in_page, size - done);
        struct iovec local = {(char *)dst + done, want};
        struct iovec remote = {(void *)(addr + done), want};
        ssize_t n = process_vm_readv(getpid(), &local, 1, &remote, 1, 0);

        if (n <= 0)
            break;
        done += (size_t)n;
        if ((size_t)n < want)
            break;
    }
    return done;
}
