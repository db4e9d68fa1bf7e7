"""建设项目用地预审与选址意见书 Pre-approval of land and site opinion for construction projects."""
