/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Days of the proleptic Gregorian calendar, counted directly.
 */
#include "codec/date.h"

#include <stdio.h>

static bool is_leap(int year) { return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0; }

/* Days of the year before its month 1 to 13. */
static int days_before_month(int year, int month)
{
    static const int days[] = { 0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334, 365 };
    return days[month - 1] + (month > 2 && is_leap(year) ? 1 : 0);
}

static int days_of_month(int year, int month)
{
    return days_before_month(year, month + 1) - days_before_month(year, month);
}

/* Days from 1970-01-01 to the first of January. */
static int64_t days_before_year(int year)
{
    int64_t past = year - 1;
    return past * 365 + past / 4 - past / 100 + past / 400 - 719162;
}

bool ds_date_to_s(int64_t *ret, int year, int month, int day, int hour, int minute, int second)
{
    if (year < 1 || year > 9999 || month < 1 || month > 12 || day < 1 ||
        (day > 28 && day > days_of_month(year, month)) || hour < 0 || hour > 23 || minute < 0 ||
        minute > 59 || second < 0 || second > 59)
        return false;
    int64_t days = days_before_year(year) + days_before_month(year, month) + day - 1;
    *ret = ((days * 24 + hour) * 60 + minute) * 60 + second;
    return true;
}

char *ds_date_format(char out[static 21], int64_t t_s)
{
    int64_t days = t_s / 86400, rest = t_s % 86400;
    if (rest < 0) {
        rest += 86400;
        days--;
    }
    if (days < days_before_year(1) || days >= days_before_year(10000)) {
        (void)snprintf(out, 21, "?");
        return out;
    }
    int year = (int)(1970 + days / 366), month = 1; /* near it */
    while (days_before_year(year + 1) <= days)
        year++;
    while (days_before_year(year) > days)
        year--;
    days -= days_before_year(year);
    for (; days >= days_of_month(year, month); month++)
        days -= days_of_month(year, month);
    (void)snprintf(out, 21, "%04u-%02u-%02uT%02u:%02u:%02uZ", (unsigned)year % 10000,
                   (unsigned)month % 100, (unsigned)(days + 1) % 100, (unsigned)(rest / 3600) % 100,
                   (unsigned)(rest / 60 % 60), (unsigned)(rest % 60));
    return out;
}

int ds_date_parse(int64_t *ret, struct ds_span text, struct ds_error *e)
{
    static const char form[] = "0000-00-00T00:00:00Z";
    int part[7] = { 0 }; /* year to second */
    size_t n = 0;
    if (text.len != sizeof form - 1)
        return ds_fail(e, DS_ERR_FORMAT, "a date of %zu characters, not like %s", text.len,
                       "2025-06-19T10:16:03Z");
    for (size_t i = 0; i < text.len; i++) {
        bool is_digit = text.p[i] >= '0' && text.p[i] <= '9';
        if (form[i] == '0' ? !is_digit : text.p[i] != (uint8_t)form[i])
            return ds_fail(e, DS_ERR_FORMAT, "a date that is not like 2025-06-19T10:16:03Z");
        if (is_digit)
            part[n] = part[n] * 10 + (text.p[i] - '0');
        else
            n++;
    }
    if (!ds_date_to_s(ret, part[0], part[1], part[2], part[3], part[4], part[5]))
        return ds_fail(e, DS_ERR_FORMAT, "the date %.20s does not exist", (const char *)text.p);
    return DS_OK;
}
