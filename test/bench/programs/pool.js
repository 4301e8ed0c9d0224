// Calls that the pool's threads answer: how many a second, how many, and the 99th percentile in ms.
const { pbkdf2 } = require("crypto");

const CALLS = 30000, AT_ONCE = 16;
const times = [];
let begun = 0;
const start = process.hrtime.bigint();

function call() {
    if (begun === CALLS)
        return;
    begun++;
    const from = process.hrtime.bigint();
    pbkdf2("secret", "salt", 100, 32, "sha256", (error) => {
        if (error)
            throw error;
        times.push(Number(process.hrtime.bigint() - from));
        if (times.length === CALLS)
            finish();
        else
            call();
    });
}

function finish() {
    const seconds = Number(process.hrtime.bigint() - start) / 1e9;
    times.sort((a, b) => a - b);
    console.log(CALLS / seconds, CALLS, times[Math.floor(CALLS * 0.99)] / 1e6);
}

for (let i = 0; i < AT_ONCE; i++)
    call();
