/** Two threads put items into a bounded queue and two take them: items a second, and their number. */
public class Items {
    private static final int ITEMS = 1000000;
    private final int[] items = new int[64];
    private int first, used;

    synchronized void put(int item) throws InterruptedException {
        while (used == items.length)
            wait();
        items[(first + used++) % items.length] = item;
        notifyAll();
    }

    synchronized int take() throws InterruptedException {
        while (used == 0)
            wait();
        int item = items[first];
        first = (first + 1) % items.length;
        used--;
        notifyAll();
        return item;
    }

    public static void main(String[] arguments) throws InterruptedException {
        Items queue = new Items();
        long[] taken = new long[4];
        Thread[] threads = new Thread[4];
        for (int i = 0; i < threads.length; i++) {
            int index = i;
            threads[i] = new Thread(() -> {
                try {
                    for (int item = 0; item < ITEMS; item++)
                        if (index < 2)
                            queue.put(item);
                        else
                            taken[index] += queue.take();
                } catch (InterruptedException e) {
                    throw new RuntimeException(e);
                }
            });
        }
        long start = System.nanoTime();
        for (Thread thread : threads)
            thread.start();
        for (Thread thread : threads)
            thread.join();
        double seconds = (System.nanoTime() - start) / 1e9;
        if (taken[2] + taken[3] != (long) ITEMS * (ITEMS - 1))
            throw new RuntimeException("items are missing");
        System.out.println((long) (2 * ITEMS / seconds) + " " + 2 * ITEMS);
    }
}
