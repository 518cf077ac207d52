/*
 * bench/run's requests as a Windows program, for a peer that runs drivers: installs the bench.sys
 * that lies beside this program as a service, starts it, opens \\.\Bench, sends the requests,
 * stops and removes the service.
 *
 *     bench_client.exe
 *
 * prints "start_us N", "ioctl_ns N" (one request) and "stop_us N", or, with exit code 1,
 * "cannot STEP: error N".
 *
 * No C library: it would need a start-up object of its own.
 */
#include <windows.h>

#include <winsvc.h>

enum { REQUESTS = 1000, IOCTL_NOTHING = 0x222000, STOP_WAIT_MS = 10000 };

#define SERVICE_NAME L"PoolproofBench"

static HANDLE out;

static void print(const char *text, ULONGLONG number)
{
    char line[80];
    char digits[20];
    DWORD n = 0, d = 0, written;

    while (*text)
        line[n++] = *text++;
    do {
        digits[d++] = (char)('0' + number % 10);
        number /= 10;
    } while (number);
    while (d)
        line[n++] = digits[--d];
    line[n++] = '\n';
    WriteFile(out, line, n, &written, NULL);
}

static ULONGLONG now_ns(void)
{
    LARGE_INTEGER count, frequency;

    QueryPerformanceCounter(&count);
    QueryPerformanceFrequency(&frequency);
    return (ULONGLONG)count.QuadPart * 1000 / ((ULONGLONG)frequency.QuadPart / 1000000);
}

/* The path of bench.sys in this program's folder. */
static BOOL driver_path(WCHAR *path, DWORD chars)
{
    static const WCHAR name[] = L"bench.sys";
    DWORD n = GetModuleFileNameW(NULL, path, chars);

    while (n && path[n - 1] != '\\')
        n--;
    if (!n || n + sizeof name / sizeof name[0] > chars)
        return FALSE;
    for (DWORD i = 0; i < sizeof name / sizeof name[0]; i++)
        path[n + i] = name[i];
    return TRUE;
}

static SC_HANDLE install(SC_HANDLE manager)
{
    WCHAR path[MAX_PATH];
    SC_HANDLE service;

    if (!driver_path(path, MAX_PATH))
        return NULL;
    service = CreateServiceW(manager, SERVICE_NAME, NULL, SERVICE_ALL_ACCESS, SERVICE_KERNEL_DRIVER,
                             SERVICE_DEMAND_START, SERVICE_ERROR_NORMAL, path, NULL, NULL, NULL,
                             NULL, NULL);
    if (!service && GetLastError() == ERROR_SERVICE_EXISTS)
        service = OpenServiceW(manager, SERVICE_NAME, SERVICE_ALL_ACCESS);
    return service;
}

/* 0, or the number of the error that ended the requests. */
static DWORD send_requests(void)
{
    HANDLE device =
        CreateFileW(L"\\\\.\\Bench", GENERIC_READ | GENERIC_WRITE, 0, NULL, OPEN_EXISTING, 0, NULL);
    ULONGLONG start;
    DWORD error = 0;

    if (device == INVALID_HANDLE_VALUE)
        return GetLastError();
    start = now_ns();
    for (int i = 0; i < REQUESTS && !error; i++) {
        DWORD returned;

        if (!DeviceIoControl(device, IOCTL_NOTHING, NULL, 0, NULL, 0, &returned, NULL))
            error = GetLastError();
    }
    if (!error)
        print("ioctl_ns ", (now_ns() - start) / REQUESTS);
    CloseHandle(device);
    return error;
}

static DWORD stop(SC_HANDLE service)
{
    SERVICE_STATUS status;

    if (!ControlService(service, SERVICE_CONTROL_STOP, &status))
        return GetLastError();
    for (DWORD waited = 0; status.dwCurrentState != SERVICE_STOPPED; waited++) {
        if (waited == STOP_WAIT_MS)
            return ERROR_SERVICE_REQUEST_TIMEOUT;
        Sleep(1);
        if (!QueryServiceStatus(service, &status))
            return GetLastError();
    }
    return 0;
}

/* 0, or the error after saying which step it ended. */
static DWORD run(SC_HANDLE service)
{
    ULONGLONG start = now_ns();
    DWORD error, stop_error;

    if (!StartServiceW(service, 0, NULL)) {
        error = GetLastError();
        print("cannot start the driver: error ", error);
        return error;
    }
    print("start_us ", (now_ns() - start) / 1000);
    error = send_requests();
    if (error)
        print("cannot send the requests: error ", error);
    start = now_ns();
    stop_error = stop(service);
    if (stop_error)
        print("cannot stop the driver: error ", stop_error);
    else
        print("stop_us ", (now_ns() - start) / 1000);
    return error ? error : stop_error;
}

void start(void)
{
    SC_HANDLE manager, service;
    DWORD error;

    out = GetStdHandle(STD_OUTPUT_HANDLE);
    manager = OpenSCManagerW(NULL, NULL, SC_MANAGER_ALL_ACCESS);
    service = manager ? install(manager) : NULL;
    if (!service) {
        print("cannot install the driver: error ", GetLastError());
        ExitProcess(1);
    }
    error = run(service);
    DeleteService(service);
    CloseServiceHandle(service);
    CloseServiceHandle(manager);
    ExitProcess(error != 0);
}
