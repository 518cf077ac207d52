/*
 * System times (100 ns since 1601-01-01 00:00 UTC) and calendar fields.
 *
 * Source of the day arithmetic: the proleptic Gregorian calendar, counted from 1 March of year 0 so
 * that the leap day comes last (E. Richards, "Mapping Time", 1998, chapter 25).
 */
#include "kernel/kernel_priv.h"

enum { MS_TICKS = 10000, DAY_MS = 86400000, DAYS_TO_1601 = 584694 /* from 0000-03-01 */ };
#define SECOND_TICKS 10000000ll
#define SECONDS_TO_1970 11644473600ll
#define SECONDS_TO_1980 11960006400ll

static int64_t days_from_date(int64_t year, int month, int day)
{
    int64_t y = year - (month <= 2);
    int64_t era_day = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;

    return y * 365 + y / 4 - y / 100 + y / 400 + era_day - DAYS_TO_1601;
}

/* Doc: nf-wdm-rtltimetotimefields. A negative time is no date (Windows gives fields without
 * meaning): it is taken as the first one. */
NT_EXPORT VOID NTAPI RtlTimeToTimeFields(PLARGE_INTEGER time, PTIME_FIELDS ret)
{
    int64_t ms, days, z, era, of_era, year_of_era, of_year, month;
    TIME_FIELDS f;

    mm_check_range(time, sizeof *time, false);
    ms = PP_MAX(time->QuadPart, 0) / MS_TICKS;
    days = ms / DAY_MS;
    ms %= DAY_MS;
    z = days + DAYS_TO_1601;
    era = z / 146097;
    of_era = z % 146097;
    year_of_era = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
    of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    month = (5 * of_year + 2) / 153;
    f.Day = (CSHORT)(of_year - (153 * month + 2) / 5 + 1);
    f.Month = (CSHORT)(month < 10 ? month + 3 : month - 9);
    f.Year = (CSHORT)(year_of_era + era * 400 + (f.Month <= 2));
    f.Hour = (CSHORT)(ms / 3600000);
    f.Minute = (CSHORT)(ms / 60000 % 60);
    f.Second = (CSHORT)(ms / 1000 % 60);
    f.Milliseconds = (CSHORT)(ms % 1000);
    f.Weekday = (CSHORT)((days + 1) % 7); /* 1601-01-01 was a Monday */
    mm_copy(ret, &f, sizeof f);
}

static int days_in_month(int year, int month)
{
    static const uint8_t days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);

    return days[month - 1] + (month == 2 && leap);
}

/* Doc: nf-wdm-rtltimefieldstotime, TIME_FIELDS. The day of the week is ignored. */
NT_EXPORT BOOLEAN NTAPI RtlTimeFieldsToTime(const TIME_FIELDS *f, PLARGE_INTEGER ret)
{
    int64_t ms;

    mm_check_range(f, sizeof *f, false);
    if (f->Year < 1601 || f->Year > 30827 || f->Month < 1 || f->Month > 12 || f->Day < 1 ||
        f->Day > days_in_month(f->Year, f->Month) || f->Hour < 0 || f->Hour > 23 || f->Minute < 0 ||
        f->Minute > 59 || f->Second < 0 || f->Second > 59 || f->Milliseconds < 0 ||
        f->Milliseconds > 999)
        return FALSE;
    ms = days_from_date(f->Year, f->Month, f->Day) * DAY_MS + f->Hour * 3600000ll +
         f->Minute * 60000ll + f->Second * 1000ll + f->Milliseconds;
    mm_check_range(ret, sizeof *ret, true);
    ret->QuadPart = ms * MS_TICKS;
    return TRUE;
}

static BOOLEAN to_seconds(const LARGE_INTEGER *time, int64_t start, PULONG ret)
{
    int64_t seconds = time->QuadPart / SECOND_TICKS - start;

    if (seconds < 0 || seconds > UINT32_MAX)
        return FALSE;
    *ret = (ULONG)seconds;
    return TRUE;
}

/* Doc: nf-ntifs-rtltimetosecondssince1970. */
NT_EXPORT BOOLEAN NTAPI RtlTimeToSecondsSince1970(PLARGE_INTEGER time, PULONG ret)
{
    return to_seconds(time, SECONDS_TO_1970, ret);
}

/* Doc: nf-ntifs-rtltimetosecondssince1980. */
NT_EXPORT BOOLEAN NTAPI RtlTimeToSecondsSince1980(PLARGE_INTEGER time, PULONG ret)
{
    return to_seconds(time, SECONDS_TO_1980, ret);
}

/* Doc: nf-ntifs-rtlsecondssince1970totime. */
NT_EXPORT VOID NTAPI RtlSecondsSince1970ToTime(ULONG seconds, PLARGE_INTEGER ret)
{
    ret->QuadPart = (seconds + SECONDS_TO_1970) * SECOND_TICKS;
}

/* Doc: nf-ntifs-rtlsecondssince1980totime. */
NT_EXPORT VOID NTAPI RtlSecondsSince1980ToTime(ULONG seconds, PLARGE_INTEGER ret)
{
    ret->QuadPart = (seconds + SECONDS_TO_1980) * SECOND_TICKS;
}

static int64_t bias(void)
{
    const KUSER_SHARED_DATA *shared = ke_user_shared();

    return (int64_t)((uint64_t)(uint32_t)shared->TimeZoneBias.High1Time << 32 |
                     shared->TimeZoneBias.LowPart);
}

/* Doc: nf-wdm-exsystemtimetolocaltime. */
NT_EXPORT VOID NTAPI ExSystemTimeToLocalTime(PLARGE_INTEGER time, PLARGE_INTEGER ret)
{
    int64_t value = time->QuadPart;

    mm_check_range(ret, sizeof *ret, true);
    ret->QuadPart = value - bias();
}

/* Doc: nf-wdm-exlocaltimetosystemtime. */
NT_EXPORT VOID NTAPI ExLocalTimeToSystemTime(PLARGE_INTEGER time, PLARGE_INTEGER ret)
{
    int64_t value = time->QuadPart;

    mm_check_range(ret, sizeof *ret, true);
    ret->QuadPart = value + bias();
}
