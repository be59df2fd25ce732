/*
 * The measures of a picture in whole numbers, as hashes.py, scores.py and second_look.py have them
 * in NumPy and Pillow, to the bit. Those modules say what each measure is; this file is their speed.
 *
 * Nothing is allocated and nothing is called. Every size is checked by kernel.py before a call, and
 * again by `fits` here. The buffers are static, so calls must not run side by side: kernel.py calls
 * with Python's lock held. Sums of doubles are of whole numbers below 2^53, hence exact in any
 * order; where Pillow rounds, its operations are done one by one, so build with -ffp-contract=off.
 */
#include <stddef.h>
#include <stdint.h>
#if defined(__SSE2__)
#include <emmintrin.h>
#endif

#define EXPORT __attribute__((visibility("default")))
#ifndef SOURCE
#define SOURCE 0
#endif

enum {
    MAX_SIDE = 2048,
    MAX_PIXELS = 1 << 18,
    LANES = 16,
    MAX_STRIDE = MAX_SIDE + LANES,
    MAX_PADDED = MAX_PIXELS + MAX_SIDE * LANES,
    SIDE = 32,
    HUE_SIDE = 8,
    N_GREY = SIDE * SIDE,
    N_HUE = HUE_SIDE * HUE_SIDE,
    BLUR_SIDE = 64,
    LOW = 8,
    N_FREQUENCIES = LOW * LOW,
    N_MARGINS = 4,
    N_ROWS = N_MARGINS * LOW,
    N_LEVELS = 256,
    N_RANKS = 5,
    UNIFORM_LEVELS = 16,
    BORDER_LEVELS = 8,
    LOBES = 3,
    STEPS = 1024,
    LANCZOS_BITS = 20,
    PILLOW_BITS = 22,
    SPLIT_BITS = 11,
    MAX_SQUARE = 2 * 128 * 128,
};

static const double MARGINS[N_MARGINS] = {0.0, 0.05, 0.1, 1.0 / 6};
static const double RANKS[N_RANKS] = {0.01, 0.05, 0.5, 0.95, 0.99};

/* Cb and Cr of a picture: where they are, and bytes from row to row and from pixel to pixel. */
typedef struct {
    const uint8_t *pixels;
    int64_t row, pixel;
} Chroma;

typedef struct {
    double left, top, right, bottom;
} Box;

typedef enum { BOX, BILINEAR, BICUBIC } Filter;

typedef struct {
    int64_t levels[N_RANKS];
    int64_t total, squares, window;
    int64_t laplacian, laplacian_squares;
    int64_t blur_counts, edges, edge_squares;
    int64_t strongest, weights[4], blue[4], red[4];
    int64_t n_shares;
    double shares[N_LEVELS];
} Sums;

_Alignas(64) static uint8_t plane[MAX_PADDED];
_Alignas(64) static uint8_t other[MAX_PADDED];
_Alignas(64) static uint8_t halfway[BLUR_SIDE * MAX_STRIDE];
_Alignas(64) static int32_t lines[N_ROWS * MAX_STRIDE];
#if defined(__SSE2__)
_Alignas(64) static int16_t strips[MAX_SIDE * LANES];
#endif

static int padded(int n) { return (n + LANES - 1) / LANES * LANES; }

static int fits(int height, int width) {
    return height > 0 && width > 0 && height <= MAX_SIDE && width <= MAX_SIDE &&
           (int64_t)height * width <= MAX_PIXELS;
}

static int is_inside(const Box *box, int height, int width) {
    return box->left >= 0 && box->top >= 0 && box->left < box->right && box->top < box->bottom &&
           box->right <= width && box->bottom <= height;
}

/* To the nearest whole number, of two equally near the even one; |x| < 2^51. */
static double nearest(double x) {
    const double big = 6755399441055744.0;
    return x + big - big;
}

static double least_whole(double x) {
    double whole = (double)(int64_t)x;
    return whole < x ? whole + 1 : whole;
}

static double most_whole(double x) {
    double whole = (double)(int64_t)x;
    return whole > x ? whole - 1 : whole;
}

static int min_int(int a, int b) { return a < b ? a : b; }
static int max_int(int a, int b) { return a > b ? a : b; }

/* Rows become columns; `to` has rows of `to_row` bytes, of which those past `height` become 0. */
static void transpose(uint8_t *to, int to_row, const uint8_t *from, int64_t row, int64_t pixel,
                      int height, int width) {
    for (int x0 = 0; x0 < width; x0 += LANES) {
        int x1 = min_int(x0 + LANES, width);
        for (int y = 0; y < height; y++) {
            const uint8_t *line = from + y * row;
            for (int x = x0; x < x1; x++) to[(int64_t)x * to_row + y] = line[x * pixel];
        }
    }
    for (int x = 0; x < width; x++)
        __builtin_memset(to + (int64_t)x * to_row + height, 0, (size_t)(to_row - height));
}

/* What `weights` of `n` rows, `row` bytes apart, add up to in 16 columns. */
static void weigh(int32_t *sums, const uint8_t *rows, int row, const int32_t *weights, int n) {
#if defined(__SSE2__)
    __m128i zero = _mm_setzero_si128(), low[4], high[4];
    for (int i = 0; i < 4; i++) low[i] = high[i] = zero;
    for (int t = 0; t < n; t += 2) {
        int second = t + 1 < n;
        int32_t a = weights[t], b = second ? weights[t + 1] : 0;
        int32_t mask = (1 << SPLIT_BITS) - 1;
        __m128i lows = _mm_set1_epi32((a & mask) | (b & mask) << 16);
        __m128i highs = _mm_set1_epi32(
            (int32_t)(((uint32_t)(a >> SPLIT_BITS) & 0xFFFF) | (uint32_t)(b >> SPLIT_BITS) << 16));
        const uint8_t *line = rows + (int64_t)t * row;
        __m128i one = _mm_loadu_si128((const __m128i *)line);
        __m128i next = second ? _mm_loadu_si128((const __m128i *)(line + row)) : zero;
        __m128i left = _mm_unpacklo_epi8(one, next), right = _mm_unpackhi_epi8(one, next);
        __m128i pairs[4] = {_mm_unpacklo_epi8(left, zero), _mm_unpackhi_epi8(left, zero),
                            _mm_unpacklo_epi8(right, zero), _mm_unpackhi_epi8(right, zero)};
        for (int i = 0; i < 4; i++) {
            low[i] = _mm_add_epi32(low[i], _mm_madd_epi16(pairs[i], lows));
            high[i] = _mm_add_epi32(high[i], _mm_madd_epi16(pairs[i], highs));
        }
    }
    for (int i = 0; i < 4; i++) {
        __m128i sum = _mm_add_epi32(low[i], _mm_slli_epi32(high[i], SPLIT_BITS));
        _mm_storeu_si128((__m128i *)(sums + 4 * i), sum);
    }
#else
    int32_t found[LANES] = {0};
    for (int t = 0; t < n; t++) {
        const uint8_t *line = rows + (int64_t)t * row;
        for (int i = 0; i < LANES; i++) found[i] += weights[t] * line[i];
    }
    __builtin_memcpy(sums, found, sizeof found);
#endif
}

static double filtered(Filter filter, double x) {
    if (filter == BOX) return x > -0.5 && x <= 0.5 ? 1.0 : 0.0;
    if (x < 0) x = -x;
    if (filter == BILINEAR) return x < 1 ? 1.0 - x : 0.0;
    if (x < 1) return ((-0.5 + 2.0) * x - (-0.5 + 3.0)) * x * x + 1;
    return x < 2 ? (((x - 5) * x + 8) * x - 4) * -0.5 : 0.0;
}

/* Weights of the pixels from `*first` on in the new pixel `at`, as of Pillow; gives how many. */
static int pillow_weights(int32_t *weights, int *first, int n, double from, double to, int n_new,
                          int at, Filter filter) {
    double shares[MAX_SIDE];
    float start = (float)from, stop = (float)to;
    double scale = (double)(stop - start) / n_new;
    double width = scale < 1 ? 1.0 : scale;
    double support = (filter == BOX ? 0.5 : filter == BILINEAR ? 1.0 : 2.0) * width;
    double centre = start + (at + 0.5) * scale, step = 1.0 / width, sum = 0;
    int low = max_int((int)(centre - support + 0.5), 0);
    int high = min_int((int)(centre + support + 0.5), n);
    int n_taps = max_int(high - low, 0);
    for (int t = 0; t < n_taps; t++) {
        shares[t] = filtered(filter, (t + low - centre + 0.5) * step);
        sum += shares[t];
    }
    for (int t = 0; t < n_taps; t++) {
        double share = (sum != 0 ? shares[t] / sum : shares[t]) * (1 << PILLOW_BITS);
        weights[t] = (int32_t)(share < 0 ? share - 0.5 : share + 0.5);
    }
    *first = low;
    return n_taps;
}

/* One pass of a resize: `n_new` rows of `columns` bytes, a multiple of 16, out of `n`. */
static void pass(uint8_t *to, const uint8_t *from, int row, int columns, int n, double start,
                 double stop, int n_new, Filter filter) {
    int32_t weights[MAX_SIDE], sums[LANES];
    for (int at = 0; at < n_new; at++) {
        int first, n_taps;
        n_taps = pillow_weights(weights, &first, n, start, stop, n_new, at, filter);
        for (int x = 0; x < columns; x += LANES) {
            weigh(sums, from + (int64_t)first * row + x, row, weights, n_taps);
            for (int i = 0; i < LANES; i++) {
                int32_t level = (sums[i] + (1 << (PILLOW_BITS - 1))) >> PILLOW_BITS;
                to[(int64_t)at * columns + x + i] = (uint8_t)(level < 0 ? 0 : level > 255 ? 255 : level);
            }
        }
    }
}

/*
 * Pillow's `resize` of the part `box` of the padded `plane`, to rows of a padded `new_width`. Since
 * Pillow 13 what shrinks more in height is made lower first, else narrower.
 */
static void resize(uint8_t *to, int height, int width, const Box *box, int new_height,
                   int new_width, Filter filter) {
    int row = padded(height), new_row = padded(new_width), new_column = padded(new_height);
    if (height > new_height && height - new_height > 2 * (width - new_width)) {
        pass(halfway, plane, padded(width), padded(width), height, box->top, box->bottom, new_height,
             filter);
        transpose(other, new_column, halfway, padded(width), 1, new_height, width);
        pass(halfway, other, new_column, new_column, width, box->left, box->right, new_width, filter);
        transpose(to, new_row, halfway, new_column, 1, new_width, new_height);
        return;
    }
    transpose(other, row, plane, padded(width), 1, height, width);
    pass(halfway, other, row, row, width, box->left, box->right, new_width, filter);
    transpose(other, new_row, halfway, row, 1, new_width, height);
    pass(to, other, new_row, new_row, height, box->top, box->bottom, new_height, filter);
}

/* Rows from the first on that lie, together, within the levels of a border. */
static int run(const uint8_t *first, int n, int64_t step, int length, int64_t along) {
    int lowest = 255, highest = 0;
    for (int at = 0; at < n; at++) {
        const uint8_t *line = first + at * step;
        for (int i = 0; i < length; i++) {
            int level = line[i * along];
            lowest = min_int(lowest, level);
            highest = max_int(highest, level);
            if (highest - lowest > BORDER_LEVELS) return at;
        }
    }
    return n;
}

/* Top, bottom, left and right of what a border of one colour leaves of grey pixels. */
EXPORT int32_t crawlset_border(const uint8_t *grey, int32_t height, int32_t width, int32_t *sides) {
    if (!fits(height, width)) return -1;
    sides[0] = sides[2] = 0, sides[1] = height, sides[3] = width;
    int top = run(grey, height, width, width, 1);
    int bottom = height - run(grey + (int64_t)(height - 1) * width, height, -width, width, 1);
    if (bottom - top < max_int(2, height / 8)) return 0;
    const uint8_t *inner = grey + (int64_t)top * width;
    int left = run(inner, width, 1, bottom - top, width);
    int right = width - run(inner + width - 1, width, -1, bottom - top, width);
    if (right - left < max_int(2, width / 8)) return 0;
    sides[0] = top, sides[1] = bottom, sides[2] = left, sides[3] = right;
    return 0;
}

/* Shares of `n` pixels in the new pixel `at` of 32 over a span, as `lanczos.weights` has them. */
static int lanczos(double *shares, int *first, const double *table, int n, double start,
                   double stop, int at) {
    double scale = (stop - start) / SIDE, width = scale < 1 ? 1.0 : scale;
    double centre = start + (at + 0.5) * scale, step = STEPS / width, sum = 0;
    double tap = least_whole(centre - LOBES * width - 0.5);
    double low = most_whole(start), high = least_whole(stop);
    if (high > n) high = n;
    if (tap < low) tap = low;
    *first = (int)tap;
    int n_taps = 0;
    for (; tap < high; tap += 1, n_taps++) {
        double away = tap + (0.5 - centre);
        double place = (away < 0 ? -away : away) * step + 0.5;
        if (place >= LOBES * STEPS) {
            if (away > 0) break;
            place = LOBES * STEPS;
        }
        shares[n_taps] = table[(int)place];
        sum += shares[n_taps];
    }
    if (!(sum > 0)) return 0;
    double unit = (1 << LANCZOS_BITS) / sum;
    for (int t = 0; t < n_taps; t++) shares[t] = nearest(shares[t] * unit);
    return n_taps;
}

/*
 * What takes `n` pixels to 8 frequencies in each view, from `start` to `stop`, as of
 * `hashes._frequencies`: rows of `down` (32 x n), and `across` (4 x n x 8).
 */
EXPORT int32_t crawlset_frequencies(int32_t n, double start, double stop, const double *cosines,
                                    const double *table, int32_t *down, double *across) {
    static double sums[LOW][MAX_SIDE], shares[MAX_SIDE];
    if (!fits(1, n) || !(start >= 0 && start < stop && stop <= n)) return -1;
    for (int view = 0; view < N_MARGINS; view++) {
        double margin = MARGINS[view] * (stop - start);
        for (int k = 0; k < LOW; k++) __builtin_memset(sums[k], 0, (size_t)n * sizeof(double));
        for (int at = 0; at < SIDE; at++) {
            int first, n_taps;
            n_taps = lanczos(shares, &first, table, n, start + margin, stop - margin, at);
            if (n_taps == 0) return -1;
            for (int k = 0; k < LOW; k++) {
                double cosine = cosines[k * SIDE + at], *to = sums[k] + first;
                for (int t = 0; t < n_taps; t++) to[t] += cosine * shares[t];
            }
        }
        for (int k = 0; k < LOW; k++)
            for (int i = 0; i < n; i++) {
                double lowest = nearest(sums[k][i] * (1.0 / (1 << LANCZOS_BITS)));
                down[(int64_t)(view * LOW + k) * n + i] = (int32_t)lowest;
                across[((int64_t)view * n + i) * LOW + k] = lowest;
            }
    }
    return 0;
}

/* The rows of `down` (32 x height) times the picture's columns: `lines`, of `padded(width)`. */
static void to_lines(const int32_t *down, const uint8_t *grey, int row, int height, int width) {
    int new_row = padded(width);
#if defined(__SSE2__)
    int n_pairs = (height + 1) / 2;
    static int32_t packed[N_ROWS][MAX_SIDE / 2];
    int is_narrow[N_ROWS];
    for (int r = 0; r < N_ROWS; r++) {
        const int32_t *weights = down + (int64_t)r * height;
        int32_t most = 0;
        for (int t = 0; t < height; t++)
            most |= weights[t] ^ (weights[t] >> 31);
        is_narrow[r] = most <= INT16_MAX;
        for (int t = 0; t < n_pairs; t++) {
            int32_t second = 2 * t + 1 < height ? weights[2 * t + 1] : 0;
            packed[r][t] = (int32_t)(((uint32_t)weights[2 * t] & 0xFFFF) | (uint32_t)second << 16);
        }
    }
    __m128i zero = _mm_setzero_si128(), *strip = (__m128i *)(void *)strips;
    for (int x = 0; x < width; x += LANES) {
        for (int t = 0; t < n_pairs; t++) {
            const uint8_t *line = grey + (int64_t)2 * t * row + x;
            __m128i one = _mm_loadu_si128((const __m128i *)line);
            __m128i next = 2 * t + 1 < height ? _mm_loadu_si128((const __m128i *)(line + row)) : zero;
            __m128i left = _mm_unpacklo_epi8(one, next), right = _mm_unpackhi_epi8(one, next);
            strip[4 * t] = _mm_unpacklo_epi8(left, zero);
            strip[4 * t + 1] = _mm_unpackhi_epi8(left, zero);
            strip[4 * t + 2] = _mm_unpacklo_epi8(right, zero);
            strip[4 * t + 3] = _mm_unpackhi_epi8(right, zero);
        }
        for (int r = 0; r < N_ROWS; r++) {
            int32_t *to = lines + (int64_t)r * new_row + x;
            if (!is_narrow[r]) {
                weigh(to, grey + x, row, down + (int64_t)r * height, height);
                continue;
            }
            __m128i a = zero, b = zero, c = zero, d = zero;
            for (int t = 0; t < n_pairs; t++) {
                __m128i weight = _mm_set1_epi32(packed[r][t]);
                a = _mm_add_epi32(a, _mm_madd_epi16(strip[4 * t], weight));
                b = _mm_add_epi32(b, _mm_madd_epi16(strip[4 * t + 1], weight));
                c = _mm_add_epi32(c, _mm_madd_epi16(strip[4 * t + 2], weight));
                d = _mm_add_epi32(d, _mm_madd_epi16(strip[4 * t + 3], weight));
            }
            _mm_store_si128((__m128i *)(void *)to, a);
            _mm_store_si128((__m128i *)(void *)(to + 4), b);
            _mm_store_si128((__m128i *)(void *)(to + 8), c);
            _mm_store_si128((__m128i *)(void *)(to + 12), d);
        }
    }
#else
    for (int r = 0; r < N_ROWS; r++)
        for (int x = 0; x < width; x += LANES)
            weigh(lines + (int64_t)r * new_row + x, grey + x, row, down + (int64_t)r * height, height);
#endif
}

/* Which of 64 frequencies are above their median, most significant first. */
static int64_t bits_of(const double *frequencies) {
    int32_t values[N_FREQUENCIES];
    int64_t middles = 0;
    for (int i = 0; i < N_FREQUENCIES; i++) values[i] = (int32_t)frequencies[i];
    for (int i = 0; i < N_FREQUENCIES; i++) {
        int less = 0, equal = 0;
        for (int j = 0; j < N_FREQUENCIES; j++) {
            less += values[j] < values[i];
            equal += values[j] == values[i];
        }
        /* Equal ones share places; each counts by its part of the two in the middle. */
        int first = max_int(less, N_FREQUENCIES / 2 - 1);
        int last = min_int(less + equal, N_FREQUENCIES / 2 + 1);
        if (last - first == 2) {
            middles = 2 * (int64_t)values[i];
            break;
        }
        if (last - first == 1) {
            int is_first = 1;
            for (int j = 0; j < i; j++) is_first &= values[j] != values[i];
            if (is_first) middles += values[i];
        }
    }
    uint64_t bits = 0;
    for (int i = 0; i < N_FREQUENCIES; i++) bits = bits << 1 | (2 * (int64_t)values[i] > middles);
    return (int64_t)bits;
}

static void views(int64_t *hashes, const int32_t *down, const double *across, const uint8_t *grey,
                  int row, int height, int width) {
    to_lines(down, grey, row, height, width);
    for (int view = 0; view < N_MARGINS; view++) {
        double spectrum[LOW][LOW];
        for (int k = 0; k < LOW; k++) {
            const int32_t *line = lines + (int64_t)(view * LOW + k) * padded(width);
            const double *to = across + (int64_t)view * width * LOW;
            double sums[LOW] = {0};
            for (int x = 0; x < width; x++)
                for (int j = 0; j < LOW; j++) sums[j] += line[x] * to[x * LOW + j];
            for (int j = 0; j < LOW; j++)
                spectrum[k][j] = nearest(sums[j] * (1.0 / (4.0 * 65536.0 * 65536.0)));
        }
        hashes[view == 0 ? 0 : view + 1] = bits_of(spectrum[0]);
        if (view == 0) {
            for (int k = 0; k < LOW; k++)
                for (int j = 1; j < LOW; j += 2) spectrum[k][j] = -spectrum[k][j];
            hashes[1] = bits_of(spectrum[0]);
        }
    }
}

static int64_t turned_view(const uint8_t *grey, const int32_t *places, const int32_t *parts,
                           const double *cosines) {
    double view[SIDE][SIDE], halves[LOW][SIDE], spectrum[LOW][LOW];
    for (int i = 0; i < N_GREY; i++) {
        const uint8_t *at = grey + places[i];
        int32_t level = at[0] * parts[i] + at[1] * parts[N_GREY + i] +
                        at[SIDE] * parts[2 * N_GREY + i] + at[SIDE + 1] * parts[3 * N_GREY + i];
        view[i / SIDE][i % SIDE] = (level + (1 << 13)) >> 14;
    }
    for (int k = 0; k < LOW; k++) {
        for (int x = 0; x < SIDE; x++) halves[k][x] = 0;
        for (int y = 0; y < SIDE; y++)
            for (int x = 0; x < SIDE; x++) halves[k][x] += cosines[k * SIDE + y] * view[y][x];
        for (int j = 0; j < LOW; j++) {
            double sum = 0;
            for (int x = 0; x < SIDE; x++) sum += halves[k][x] * cosines[j * SIDE + x];
            spectrum[k][j] = nearest(sum * (1.0 / (16.0 * 65536.0 * 65536.0)));
        }
    }
    return bits_of(spectrum[0]);
}

/* A copy of grey with padded rows: `plane`. */
static void take_in(const uint8_t *grey, int height, int width) {
    int row = padded(width);
    for (int y = 0; y < height; y++) {
        __builtin_memcpy(plane + (int64_t)y * row, grey + (int64_t)y * width, (size_t)width);
        __builtin_memset(plane + (int64_t)y * row + width, 0, (size_t)(row - width));
    }
}

/* The six hashes and the signature less its first byte, of the part of a picture in the box. */
EXPORT int32_t crawlset_hashes(const uint8_t *grey, int32_t height, int32_t width,
                               const uint8_t *chroma, int64_t chroma_row, int64_t chroma_pixel,
                               double left, double top, double right, double bottom,
                               const int32_t *down, const double *across, const int32_t *places,
                               const int32_t *parts, const double *cosines, int64_t *hashes,
                               uint8_t *signature) {
    uint8_t small[SIDE * SIDE];
    const Box box = {left, top, right, bottom};
    if (!fits(height, width) || !is_inside(&box, height, width)) return -1;
    take_in(grey, height, width);
    views(hashes, down, across, plane, padded(width), height, width);
    resize(small, height, width, &box, SIDE, SIDE, BILINEAR);
    __builtin_memcpy(signature, small, N_GREY);
    hashes[N_MARGINS + 1] = turned_view(small, places, parts, cosines);
    if (chroma == NULL) {
        __builtin_memset(signature + N_GREY, 128, 2 * N_HUE);
        return 0;
    }
    int half_height = (height + 1) / 2, half_width = (width + 1) / 2;
    const Box half = {left / 2, top / 2, right / 2, bottom / 2};
    for (int channel = 0; channel < 2; channel++) {
        for (int y = 0; y < half_height; y++) {
            const uint8_t *line = chroma + channel + 2 * y * chroma_row;
            for (int x = 0; x < half_width; x++)
                plane[y * padded(half_width) + x] = line[2 * x * chroma_pixel];
        }
        resize(small, half_height, half_width, &half, HUE_SIDE, HUE_SIDE, BOX);
        for (int y = 0; y < HUE_SIDE; y++)
            __builtin_memcpy(signature + N_GREY + channel * N_HUE + y * HUE_SIDE, small + y * LANES, HUE_SIDE);
    }
    return 0;
}

static void count(int32_t counts[N_LEVELS], const uint8_t *pixels, int64_t row, int height, int width) {
    static int32_t parts[4][N_LEVELS];
    __builtin_memset(parts, 0, sizeof parts);
    for (int y = 0; y < height; y++) {
        const uint8_t *line = pixels + y * row;
        int x = 0;
        for (; x + 4 <= width; x += 4) {
            parts[0][line[x]]++;
            parts[1][line[x + 1]]++;
            parts[2][line[x + 2]]++;
            parts[3][line[x + 3]]++;
        }
        for (; x < width; x++) parts[0][line[x]]++;
    }
    for (int i = 0; i < N_LEVELS; i++)
        counts[i] = parts[0][i] + parts[1][i] + parts[2][i] + parts[3][i];
}

static void score(Sums *found, const uint8_t *grey, int height, int width) {
    int32_t counts[N_LEVELS];
    int64_t sums[N_LEVELS], sum = 0, n = (int64_t)height * width;
    count(counts, grey, width, height, width);
    int n_shares = 0;
    found->total = found->squares = found->window = 0;
    for (int i = 0; i < N_LEVELS; i++) {
        int64_t one = counts[i];
        sums[i] = sum += one;
        found->total += one * i;
        found->squares += one * i * i;
        int64_t window = sum - (i >= UNIFORM_LEVELS ? sums[i - UNIFORM_LEVELS] : 0);
        if (i >= UNIFORM_LEVELS - 1 && window > found->window) found->window = window;
        if (one) found->shares[n_shares++] = (double)one / (double)n;
    }
    found->n_shares = n_shares;
    for (int i = 0; i < N_RANKS; i++) {
        double rank = RANKS[i] * (double)n;
        int level = 0;
        while (level < N_LEVELS && (double)sums[level] < rank) level++;
        found->levels[i] = level;
    }
}

static void laplacian(Sums *found, const uint8_t *grey, int height, int width) {
    found->laplacian = found->laplacian_squares = 0;
    for (int y = 1; y < height - 1; y++) {
        const uint8_t *line = grey + (int64_t)y * width;
        for (int x0 = 1; x0 < width - 1; x0 += 1024) {
            int x1 = min_int(x0 + 1024, width - 1);
            int32_t sum = 0, squares = 0;
            for (int x = x0; x < x1; x++) {
                int16_t difference = (int16_t)(4 * line[x] - line[x - 1] - line[x + 1] -
                                               line[x - width] - line[x + width]);
                sum += difference;
                squares += difference * difference;
            }
            found->laplacian += sum;
            found->laplacian_squares += squares;
        }
    }
}

static void blur(Sums *found, int height, int width, const Box *box, int new_height,
                 int new_width) {
    static uint8_t small[BLUR_SIDE * BLUR_SIDE];
    int32_t counts[N_LEVELS];
    int row = padded(new_width);
    resize(small, height, width, box, new_height, new_width, BICUBIC);
    count(counts, small, row, new_height, new_width);
    found->blur_counts = found->edges = found->edge_squares = 0;
    for (int i = 0; i < N_LEVELS; i++) found->blur_counts += (int64_t)counts[i] * counts[i];
    int has_inner = new_height > 2 && new_width > 2;
    for (int y = 0; y < new_height; y++) {
        const uint8_t *line = small + y * row;
        int32_t sum = 0, squares = 0;
        for (int x = 0; x < new_width; x++) {
            int edge = line[x];
            if (has_inner && y > 0 && y < new_height - 1 && x > 0 && x < new_width - 1) {
                const uint8_t *above = line + x - row, *below = line + x + row;
                edge = 8 * edge - line[x - 1] - line[x + 1] - above[-1] - above[0] - above[1] -
                       below[-1] - below[0] - below[1];
                edge = max_int(0, min_int(255, edge));
            }
            sum += edge;
            squares += edge * edge;
        }
        found->edges += sum;
        found->edge_squares += squares;
    }
}

static int64_t square_at(const Chroma *chroma, int y, int x) {
    const uint8_t *pixel = chroma->pixels + 2 * y * chroma->row + 2 * x * chroma->pixel;
    int blue = pixel[0] - 128, red = pixel[1] - 128;
    return blue * blue + red * red;
}

static void colours(Sums *found, const Chroma *chroma, int height, int width) {
    static int32_t coarse[MAX_SQUARE / 128 + 1];
    int32_t fine[128] = {0};
    __builtin_memset(coarse, 0, sizeof coarse);
    __builtin_memset(found->weights, 0, sizeof found->weights);
    __builtin_memset(found->blue, 0, sizeof found->blue);
    __builtin_memset(found->red, 0, sizeof found->red);
    for (int y = 0; y < height; y++)
        for (int x = 0; x < width; x++) {
            const uint8_t *pixel = chroma->pixels + 2 * y * chroma->row + 2 * x * chroma->pixel;
            int blue = pixel[0] - 128, red = pixel[1] - 128, square = blue * blue + red * red;
            int quarter = 2 * (2 * y >= height) + (2 * x >= width);
            coarse[square / 128]++;
            found->weights[quarter] += square;
            found->blue[quarter] += (int64_t)blue * square;
            found->red[quarter] += (int64_t)red * square;
        }
    int64_t place = (int64_t)(0.99 * (double)((int64_t)height * width - 1));
    int bin = 0;
    while (place >= coarse[bin]) place -= coarse[bin++];
    for (int y = 0; y < height; y++)
        for (int x = 0; x < width; x++) {
            int64_t square = square_at(chroma, y, x);
            if (square / 128 == bin) fine[square % 128]++;
        }
    int level = 0;
    while (place >= fine[level]) place -= fine[level++];
    found->strongest = bin * 128 + level;
}

/* What scores are made of; blur is judged of the part in the box, at the new size. */
EXPORT int32_t crawlset_sums(const uint8_t *grey, int32_t height, int32_t width,
                             const uint8_t *chroma, int64_t chroma_row, int64_t chroma_pixel,
                             double left, double top, double right, double bottom,
                             int32_t new_height, int32_t new_width, Sums *found) {
    const Box box = {left, top, right, bottom};
    if (!fits(height, width) || !is_inside(&box, height, width) || new_height < 1 ||
        new_width < 1 || new_height > BLUR_SIDE || new_width > BLUR_SIDE)
        return -1;
    take_in(grey, height, width);
    score(found, grey, height, width);
    laplacian(found, grey, height, width);
    blur(found, height, width, &box, new_height, new_width);
    if (chroma != NULL) {
        const Chroma pixels = {chroma, chroma_row, chroma_pixel};
        colours(found, &pixels, (height + 1) / 2, (width + 1) / 2);
    }
    return 0;
}

/* The CRC-32 of this file as it was compiled. */
EXPORT uint32_t crawlset_source(void) { return SOURCE; }
