/* Forgekeep's plugin ABI 1, for plugins in C. Frozen: this file never changes.
 *
 * A plugin is a shared library named libforgekeep_hoster_<id>.so (.dylib; forgekeep_hoster_<id>.dll)
 * that exports one variable, forgekeep_plugin_1. What the methods are called and what the documents
 * mean is in docs/plugin-abi.md; the rules are at the head of core/abi/src/lib.rs. */
#ifndef FORGEKEEP_PLUGIN_H
#define FORGEKEEP_PLUGIN_H

#include <stddef.h>
#include <stdint.h>

/* Bytes that somebody else owns, for the duration of a call. len 0: ptr is not looked at. */
typedef struct {
    const uint8_t *ptr;
    size_t len;
} fk_slice;

/* Bytes that are handed over, and freed once by their own free with the same values. NULL: nothing
 * to free. */
typedef struct {
    uint8_t *ptr;
    size_t len;
    size_t context;
    void (*free)(uint8_t *ptr, size_t len, size_t context);
} fk_bytes;

typedef struct {
    uint32_t size;   /* sizeof(fk_request), as the caller knows it */
    uint32_t flags;  /* 0 */
    uint64_t object; /* 0: the plugin */
    uint64_t call;   /* number of the call; to the host, of the call it is made within */
    fk_slice method; /* UTF-8 */
    fk_slice doc;    /* a JSON object, UTF-8 */
    fk_slice body;   /* raw bytes */
} fk_request;

enum { FK_NOT_ANSWERED = 0, FK_RESULT = 1, FK_ERROR = 2 };

typedef struct {
    uint32_t size;   /* sizeof(fk_answer), as the caller knows it */
    uint32_t status; /* FK_... */
    fk_bytes doc;    /* a JSON object, UTF-8 */
    fk_bytes body;   /* raw bytes */
} fk_answer;

typedef struct {
    uint32_t size;
    uint32_t abi; /* 1 */
    const void *context;
    void (*call)(const void *context, const fk_request *request, fk_answer *answer);
} fk_host;

typedef struct {
    uint8_t magic[8]; /* "FORGEKP1", without a terminating zero */
    uint32_t abi;     /* 1 */
    uint32_t size;    /* sizeof(fk_table) */
    void (*call)(const fk_host *host, const fk_request *request, fk_answer *answer);
    void (*drop)(const fk_host *host, uint64_t object);
} fk_table;

extern const fk_table forgekeep_plugin_1;

#endif
