/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a service runs must be measured, or named by what it hashes to; and
 * nothing in the service may fetch or build another in its place.
 */
#include "app/images.h"

#include "base/hex.h"

bool app_image_is_on_volume(struct ds_span image, const struct app_compose *app)
{
    for (size_t i = 0; i < app->n_image_volumes; i++)
        if (ds_span_eq(app->image_volumes[i].image, image))
            return true;
    return false;
}

bool app_image_is_by_digest(struct ds_span image)
{
    static const char mark[] = "@sha256:";
    size_t n = sizeof mark - 1 + 64;
    uint8_t digest32[32];
    /* Digits they must be: Compose would put a variable's value into 64 other characters. */
    return image.len > n && memcmp(image.p + image.len - n, mark, sizeof mark - 1) == 0 &&
           ds_hex_decode(digest32, 32, ds_span_sub(image, image.len - 64, image.len), NULL) ==
               DS_OK;
}

static bool fault(struct app_image_fault *ret, const char *key, const char *expected,
                  struct ds_span got)
{
    ret->key = key;
    ret->expected = expected;
    ret->got = got;
    return true;
}

/* A text without escapes; else what stands there instead, in words. */
static bool is_plain(const struct ds_json_tok *value, struct ds_span *ret)
{
    bool is_plain = value != NULL && value->type == DS_JSON_STRING && !value->is_escaped;
    *ret = is_plain        ? value->raw
           : value == NULL ? DS_SPAN_LIT("none")
                           : DS_SPAN_LIT("something else");
    return is_plain;
}

static bool pulls_anew(struct ds_span pull)
{
    return !ds_span_eq_str(pull, "missing") && !ds_span_eq_str(pull, "if_not_present") &&
           !ds_span_eq_str(pull, "never");
}

static bool service_has_fault(struct app_image_fault *ret, const struct ds_json_tok *service,
                              const struct app_compose *app)
{
    static const char *const elsewhere[] = { "build", "extends", "provider" };
    static const char wanted[] = "a measured volume or name@sha256:...";
    struct ds_span image, pull;
    bool has_image = is_plain(ds_json_find(service, "image"), &image);
    for (size_t i = 0; i < DS_LEN(elsewhere); i++)
        if ((!app->allow_tags || !has_image) && ds_json_find(service, elsewhere[i]) != NULL)
            return fault(ret, elsewhere[i], has_image ? "none" : "an image",
                         DS_SPAN_LIT("present"));
    if (!has_image)
        return fault(ret, "image", wanted, image);
    if (app->allow_tags)
        return false;
    if (!app_image_is_on_volume(image, app) && !app_image_is_by_digest(image))
        return fault(ret, "image", wanted, image);
    const struct ds_json_tok *policy = ds_json_find(service, "pull_policy");
    if (policy != NULL && (!is_plain(policy, &pull) || pulls_anew(pull)))
        return fault(ret, "pull_policy", "missing or never", pull);
    return false;
}

bool app_images_find_fault(struct app_image_fault *ret, const struct ds_json_tok *compose,
                           const struct app_compose *app)
{
    const struct ds_json_tok *services = ds_json_find(compose, "services");
    *ret = (struct app_image_fault){ 0 };
    if (!app->allow_tags && ds_json_find(compose, "include") != NULL)
        return fault(ret, "include", "none", DS_SPAN_LIT("present"));
    if (services == NULL || services->type != DS_JSON_OBJECT)
        return false;
    for (const struct ds_json_tok *k = ds_json_first(services); k != NULL;
         k = ds_json_next(services, k)) {
        ret->service = k->raw;
        if (service_has_fault(ret, k + 1, app))
            return true;
    }
    return false;
}
