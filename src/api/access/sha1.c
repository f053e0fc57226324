/* SHA-1, for passwords written as {SHA}... (compat section 19). FIPS 180-4, section 6.1. */
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "api/access/auth.h"

static uint32_t sha1_rotate(uint32_t x, int n)
{
        return x << n | x >> (32 - n);
}

static uint32_t sha1_mix(int t, uint32_t b, uint32_t c, uint32_t d)
{
        static const uint32_t k[4] = { 0x5a827999, 0x6ed9eba1, 0x8f1bbcdc, 0xca62c1d6 };

        switch (t / 20) {
        case 0:
                return ((b & c) | (~b & d)) + k[0];
        case 2:
                return ((b & c) | (b & d) | (c & d)) + k[2];
        default:
                return (b ^ c ^ d) + k[t / 20];
        }
}

static void sha1_block(uint32_t h[5], const unsigned char *p)
{
        uint32_t w[80];

        for (int t = 0; t < 16; t++)
                w[t] = (uint32_t)p[4 * t] << 24 | (uint32_t)p[4 * t + 1] << 16 |
                       (uint32_t)p[4 * t + 2] << 8 | p[4 * t + 3];
        for (int t = 16; t < 80; t++)
                w[t] = sha1_rotate(w[t - 3] ^ w[t - 8] ^ w[t - 14] ^ w[t - 16], 1);
        uint32_t a = h[0], b = h[1], c = h[2], d = h[3], e = h[4];
        for (int t = 0; t < 80; t++) {
                uint32_t next = sha1_rotate(a, 5) + sha1_mix(t, b, c, d) + e + w[t];
                e = d;
                d = c;
                c = sha1_rotate(b, 30);
                b = a;
                a = next;
        }
        h[0] += a;
        h[1] += b;
        h[2] += c;
        h[3] += d;
        h[4] += e;
}

void sha1_hex(const void *data, size_t len, char hex[41])
{
        uint32_t h[5] = { 0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476, 0xc3d2e1f0 };
        unsigned char last[128] = { 0 };
        const unsigned char *p = data;
        size_t rest = len % 64;
        size_t whole = len - rest;
        size_t tail = rest < 56 ? 64 : 128;
        uint64_t bits = (uint64_t)len * 8;

        for (size_t i = 0; i < whole; i += 64)
                sha1_block(h, p + i);
        if (rest > 0)
                memcpy(last, p + whole, rest);
        last[rest] = 0x80;
        for (int i = 0; i < 8; i++)
                last[tail - 1 - i] = (unsigned char)(bits >> (8 * i));
        for (size_t i = 0; i < tail; i += 64)
                sha1_block(h, last + i);
        for (int i = 0; i < 5; i++)
                snprintf(hex + 8 * i, 9, "%08x", h[i]);
}
