/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Shapes of machines that were measured, between requests: one machine's ACPI
 * tables cost as much as three signatures, and many machines have one shape. A
 * function of the shape alone is remembered, no verdict. Bounded; the oldest
 * gives way. Threads share it.
 */

#include "measure/measure.h"

#define SHAPES_MAX 64

struct shapes;

DS_MUST_USE int shapes_new(struct shapes **ret, struct ds_error *e);
void shapes_free(struct shapes *s);

/* As measure_acpi_find(); `shapes` is a struct shapes, so that it fits struct app_acpi. */
DS_MUST_USE int shapes_find(void *shapes, struct measure_acpi *ret,
                            const struct measure_shape *shape, struct ds_error *e);
/* How many are remembered. */
size_t shapes_n(struct shapes *s);
