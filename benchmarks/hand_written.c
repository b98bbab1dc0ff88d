/* The double well by hand: what a compiled kernel is measured against. Walkers in vectors as wide as the processor's, all state in registers,
   xoshiro128++ (Blackman & Vigna 2021), Box and Muller's map with polynomials, every walker checked at every step and put back to -1 past x = 1.
   Build: cc -O3 -march=native -fno-math-errno -fno-trapping-math -ffp-contract=fast -shared -fPIC */
#include <stdint.h>

#ifdef __AVX512F__
#define WIDTH 16
#else
#define WIDTH 8
#endif
#define GROUPS 2 /* independent vectors, so that one's latency hides behind the other's work */

typedef float vf __attribute__((vector_size(4 * WIDTH)));
typedef int32_t vi __attribute__((vector_size(4 * WIDTH)));
typedef uint32_t vu __attribute__((vector_size(4 * WIDTH)));

static inline vu turned(vu x, int k) { return x << k | x >> (32 - k); }

static inline vf root(vf x) {
    vf y;
    for (int i = 0; i < WIDTH; i++) y[i] = __builtin_sqrtf(x[i]);
    return y;
}

static inline vu next(vu s[4]) {
    vu word = turned(s[0] + s[3], 7) + s[0], t = s[1] << 9;
    s[2] ^= s[0];
    s[3] ^= s[1];
    s[1] ^= s[2];
    s[0] ^= s[3];
    s[2] ^= t;
    s[3] = turned(s[3], 11);
    return word;
}

static inline vf minus_two_log(vu w) {
    vf u = (__builtin_convertvector((vi)(w >> 1), vf) + 0.5f) * 0x1p-31f;
    vi bits = (vi)u, e = (bits - 0x3F3504F3) >> 23;
    vf f = (vf)(bits - (e << 23)) - 1.0f;
    vf p = 0.09048784427322608f * f - 0.14030892198395475f;
    p = p * f + 0.14703899165718667f;
    p = p * f - 0.16602718852981876f;
    p = p * f + 0.19984223247260396f;
    p = p * f - 0.25000702550677173f;
    p = p * f + 0.3333341539881215f;
    return -2.0f * (__builtin_convertvector(e, vf) * 0.6931471805599453f + (f + f * f * (f * p - 0.5f)));
}

static inline void normals(vu s[4], vf *sine, vf *cosine) {
    vu a = next(s), b = next(s);
    vf r = root(minus_two_log(a)), v = __builtin_convertvector((vi)b, vf) * 0x1p-32f, q = v * v;
    vf y = 0.07765591227601387f * q - 0.5982904112834275f;
    y = y * q + 2.550077386528912f;
    y = y * q - 5.167710076668315f;
    y = y * q + 3.1415926400772034f;
    vf c = 0.21968242357537815f * q - 1.331872972787485f;
    c = c * q + 4.058410790762598f;
    c = c * q - 4.934792802489459f;
    c = c * q + 0.9999999530275123f;
    *sine = r * y * v;
    *cosine = (vf)((vu)(r * c) ^ a << 31);
}

/* words: (walkers, 4) states; x: (walkers,); steps even. Returns how often a walker was put back. */
int64_t run(uint32_t *words, float *x, int64_t walkers, int64_t steps, float dt, float strength) {
    int64_t exits = 0;
    vi start = (vi)((vf){0} - 1.0f);
    for (int64_t first = 0; first < walkers; first += GROUPS * WIDTH) {
        vu s[GROUPS][4];
        vf here[GROUPS];
        vi out[GROUPS];
        for (int g = 0; g < GROUPS; g++) {
            out[g] = (vi){0};
            for (int i = 0; i < WIDTH; i++) {
                int64_t walker = first + g * WIDTH + i;
                here[g][i] = x[walker];
                for (int k = 0; k < 4; k++) s[g][k][i] = words[4 * walker + k];
            }
        }
        for (int64_t step = 0; step < steps; step += 2)
            for (int g = 0; g < GROUPS; g++) {
                vf noise[2], y = here[g];
                normals(s[g], &noise[0], &noise[1]);
                for (int k = 0; k < 2; k++) {
                    y += dt * (y - y * y * y) + strength * noise[k];
                    vi over = y >= 1.0f;
                    out[g] -= over;
                    y = (vf)(((vi)y & ~over) | (start & over));
                }
                here[g] = y;
            }
        for (int g = 0; g < GROUPS; g++)
            for (int i = 0; i < WIDTH; i++) {
                exits += out[g][i];
                x[first + g * WIDTH + i] = here[g][i];
                for (int k = 0; k < 4; k++) words[4 * (first + g * WIDTH + i) + k] = s[g][k][i];
            }
    }
    return exits;
}
