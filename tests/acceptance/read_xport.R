# What foreign::read.xport, a reader of its own, finds in SAS transport files: each as a tab-separated text with
# numbers to 17 digits, missing numbers as a point. Arguments: folder of the files, folder for the texts.
folders <- commandArgs(trailingOnly = TRUE)
for (file in list.files(folders[1], pattern = "\\.xpt$")) {
  data <- foreign::read.xport(file.path(folders[1], file))
  text <- vapply(data, function(x) {
    if (is.numeric(x)) ifelse(is.na(x), ".", sprintf("%.17g", x)) else as.character(x)
  }, character(nrow(data)))
  text <- matrix(text, nrow = nrow(data), dimnames = list(NULL, names(data)))
  write.table(text, file.path(folders[2], sub("xpt$", "txt", file)),
    sep = "\t", quote = FALSE, row.names = FALSE, fileEncoding = "UTF-8"
  )
}
