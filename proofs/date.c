/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Dates of codec/date.c that are read: any six numbers, and any text of up to BOUND bytes.
 */
#include "proof.h"

#include "codec/date.h"

#define FIRST_S (-62135596800)
#define LAST_S  253402300799

void proof_range(void)
{
    int64_t at_s = 0;
    int y = nondet_int(), mo = nondet_int(), d = nondet_int();
    int h = nondet_int(), mi = nondet_int(), s = nondet_int();
    bool is_date = ds_date_to_s(&at_s, y, mo, d, h, mi, s);
    PROVE(!is_date || (at_s >= FIRST_S && at_s <= LAST_S), "the years 1 to 9999");
    PROVE(is_date || at_s == 0, "what is no date gives nothing");
    PROVE(!is_date || (d <= 31 && mo <= 12 && h < 24 && mi < 60 && s < 60), "a date that exists");
    PROVE(!is_date || mo != 2 || d < 29 || (d == 29 && y % 4 == 0), "29 February in leap years");
    REACHED_IF(is_date && mo == 2 && d == 29, "29 February");
    REACHED_IF(at_s == FIRST_S && y == 1, "the first second");
    REACHED_IF(at_s == LAST_S, "the last second");
}

void proof_parse(void)
{
    struct ds_span text = any_input(BOUND);
    int64_t at_s = 7;
    int cls = ds_date_parse(&at_s, text, any_error());
    PROVE(cls == DS_OK ? text.len == 20 && text.p[10] == 'T' && text.p[19] == 'Z' : at_s == 7,
          "one form and no other");
    PROVE(cls != DS_OK || (at_s >= FIRST_S && at_s <= LAST_S), "the years 1 to 9999");
    REACHED_IF(cls == DS_OK && at_s > 0, "a date");
}
