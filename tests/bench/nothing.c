/* A static program that does nothing: what an exec costs at the least. */
int main(void)
{
        return 0;
}
