/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A ring of shapes. Two threads that meet a new one at once both measure it, and
 * one of the two is kept.
 */
#include "verifier/shapes.h"

#include <pthread.h>
#include <stdlib.h>

struct entry {
    struct measure_shape shape;
    struct measure_acpi acpi;
};

struct shapes {
    pthread_mutex_t lock;
    struct entry ring[SHAPES_MAX]; /* under lock, as the rest */
    size_t n, oldest;
};

int shapes_new(struct shapes **ret, struct ds_error *e)
{
    struct shapes *s = calloc(1, sizeof *s);
    if (s == NULL)
        return ds_fail(e, DS_ERR_NOMEM, "known shapes");
    (void)pthread_mutex_init(&s->lock, NULL);
    *ret = s;
    return DS_OK;
}

void shapes_free(struct shapes *s)
{
    if (s == NULL)
        return;
    (void)pthread_mutex_destroy(&s->lock);
    free(s);
}

/* Under lock. */
static const struct entry *find(const struct shapes *s, const struct measure_shape *shape)
{
    for (size_t i = 0; i < s->n; i++)
        if (measure_shape_eq(&s->ring[i].shape, shape))
            return &s->ring[i];
    return NULL;
}

/* Under lock. */
static void keep(struct shapes *s, const struct entry *made)
{
    if (find(s, &made->shape) != NULL)
        return;
    size_t at = s->n < SHAPES_MAX ? s->n++ : s->oldest++ % SHAPES_MAX;
    s->ring[at] = *made;
}

int shapes_find(void *shapes, struct measure_acpi *ret, const struct measure_shape *shape,
                struct ds_error *e)
{
    struct shapes *s = shapes;
    struct entry made = { .shape = *shape };
    (void)pthread_mutex_lock(&s->lock);
    const struct entry *known = find(s, shape);
    if (known != NULL)
        *ret = known->acpi;
    (void)pthread_mutex_unlock(&s->lock);
    if (known != NULL)
        return DS_OK;
    DS_TRY(measure_acpi_find(&made.acpi, shape, e));
    (void)pthread_mutex_lock(&s->lock);
    keep(s, &made);
    (void)pthread_mutex_unlock(&s->lock);
    *ret = made.acpi;
    return DS_OK;
}

size_t shapes_n(struct shapes *s)
{
    (void)pthread_mutex_lock(&s->lock);
    size_t n = s->n;
    (void)pthread_mutex_unlock(&s->lock);
    return n;
}
